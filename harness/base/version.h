/* The version that --version prints and results record. */
#ifndef NESTWALK_VERSION_H
#define NESTWALK_VERSION_H

#define NESTWALK_VERSION "0.1.0"

#endif
