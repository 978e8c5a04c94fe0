/* The version, as --version and results have it. */
#ifndef NESTWALK_VERSION_H
#define NESTWALK_VERSION_H

#define NESTWALK_VERSION "0.1.0"

#endif
