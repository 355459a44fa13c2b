/* Memory that is there or the program is not: a failed allocation ends the process through one function
 * with exit code 3.  Everything lasting (store, kernel, files) changes in one step, so that dying between
 * steps leaves the old state; the kernel's rules stand without us. */
#ifndef CORDON_BASE_MEMORY_H
#define CORDON_BASE_MEMORY_H

#include <stddef.h>

/* All return memory that the caller frees with free(); never NULL. */
void *memory_alloc(size_t size);               /* zeroed */
void *memory_resize(void *memory, size_t size); /* the new part is not zeroed */
void *memory_resize_array(void *memory, size_t count, size_t size);
char *memory_text(const char *text);
char *memory_text_n(const char *text, size_t length);

/* Called once when there is no more memory, before the process ends, by each process that was made since then; it may
 * not allocate.  NULL: nothing. */
void memory_at_end(void (*last)(void));

/* For tests: the k-th allocation from now fails (k = 1 is the next one); 0 switches it off.
 * The environment variable CORDON_FAIL_ALLOC=k does the same for a whole program in developer builds. */
void memory_fail_at(unsigned long k);

#endif
