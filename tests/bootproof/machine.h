/* The machine whose boot is proved: QEMU, its console, and the cutting of its power. */
#ifndef CORDON_TESTS_BOOTPROOF_MACHINE_H
#define CORDON_TESTS_BOOTPROOF_MACHINE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct machine_options {
	const char *kernel, *initrd, *disk, *append, *tap, *memory; /* memory in MiB, as text */
};

enum { CONSOLE_LINE = 1024 };

struct machine {
	pid_t pid;
	int console;                /* readable, does not block */
	char line[CONSOLE_LINE];    /* not yet complete */
	size_t length;
};

/* Ends with the program that started it.  0, or -errno. */
int machine_start(struct machine *machine, const struct machine_options *options);

/* Reads what has come; each line goes to take, without its end and control characters.  False at its end. */
int machine_read(struct machine *machine, void (*take)(const char *line, void *context), void *context);

/* Cuts the power, and waits until the process is gone. */
void machine_cut(struct machine *machine);

#endif
