/* What a fallible function returns: 0, or one of these.  The words for the user are not here but in
 * struct diag: an error code says what kind of trouble it was, which decides the exit code. */
#ifndef CORDON_BASE_ERROR_H
#define CORDON_BASE_ERROR_H

enum error {
	ERROR_NONE = 0,
	ERROR_INPUT = -1000,  /* bad input or usage; a message says where */
	ERROR_NOT_FOUND,      /* the object named is not there */
	ERROR_EXISTS,         /* an object of that name is there already */
	ERROR_IN_USE,         /* something still refers to it */
	ERROR_LIMIT,          /* larger than the limit for such things */
	ERROR_SYSTEM,         /* the system refused: file, permission, kernel */
	ERROR_BUSY,           /* another writer holds it, or something is pending */
	ERROR_DAMAGED,        /* a file of ours is damaged or not one of ours */
	ERROR_BUG,            /* must not happen */
	ERROR_LAST = ERROR_BUG,
};

/* The documented exit codes of every program (docs, section "Exit codes"). */
enum exit_code { EXIT_DONE = 0, EXIT_FINDING = 1, EXIT_INPUT = 2, EXIT_SYSTEM = 3, EXIT_BUG = 4 };

/* A short text for a code; for 0 "done".  Never NULL.  Borrowed, static. */
const char *error_text(int error);

/* The exit code that belongs to an error. */
int error_exit(int error);

#endif
