/* The terminal that results are printed on. */
#ifndef CORDON_APPS_TERMINAL_H
#define CORDON_APPS_TERMINAL_H

/* Its columns; 0 when stdout is no terminal. */
unsigned terminal_width(void);

#endif
