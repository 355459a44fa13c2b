/* Security methods as netsh writes them: the offers of quick mode and of main mode, one list in one text,
 * separated by blanks, best first.  Reference: windows-ipsec.md 1.2.
 *
 *   qmsecmethods  ESP[Conf,Auth] | AH[Hash] | AH[Hash]+ESP[Conf,Auth], each may end in :<n>k/<n>s or a part of it
 *   mmsecmethods  Conf-Hash-Group, such as 3DES-SHA1-2 */
#ifndef CORDON_POLICY_METHODS_H
#define CORDON_POLICY_METHODS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buffer.h"

enum { METHODS_MOST = 64 }; /* offers in one list */

/* Appends the list in its canonical spelling (one blank between offers, names in upper case, None), which
 * parses to itself; `canonical` may be NULL.  When the text is no such list: false, nothing is appended, and
 * *ret_wrong says what would be right (static text). */
bool qmsecmethods_parse(const char *text, size_t length, struct buffer *canonical, const char **ret_wrong);
bool mmsecmethods_parse(const char *text, size_t length, struct buffer *canonical, const char **ret_wrong);

#endif
