/* Certificates as PEM text (RFC 7468): enough of a look that a file which is none is refused before anything is
 * applied.  What is in them is OpenSSL's business. */
#ifndef CORDON_BOOTCFG_CONTAIN_PEM_H
#define CORDON_BOOTCFG_CONTAIN_PEM_H

#include <stddef.h>

enum { PEM_MOST = 1 << 20 };

/* Why the text is not one or more certificates (static text, what would be right in it); NULL when it is. */
const char *pem_wrong(const char *text, size_t length);

#endif
