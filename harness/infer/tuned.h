/*
 * A tuned constant of the inference is a plain number in the program. `make ablation` compiles the inference with
 * NESTWALK_ABLATION, where it is a variable that tests/ablation/ can move, to see what the constant buys. A name
 * in lower case is a part of the method that can only be switched off.
 */
#ifndef NESTWALK_INFER_TUNED_H
#define NESTWALK_INFER_TUNED_H

#ifdef NESTWALK_ABLATION

/* The variable of that name, made with that value where it is not there yet. */
const double *tuned_find(const char *name, double value);

#define TUNED(name, value) \
	(*({ \
		static const double *tuned_##name; \
		if (!tuned_##name) \
			tuned_##name = tuned_find(#name, value); \
		tuned_##name; \
	}))

#else
#define TUNED(name, value) (value)
#endif

#endif
