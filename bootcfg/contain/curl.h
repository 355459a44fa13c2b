/* libcurl, loaded when something is probed: it brings three dozen libraries with it, which every other command would wait
 * for longer than for its own work. */
#ifndef CORDON_CONTAIN_CURL_H
#define CORDON_CONTAIN_CURL_H

#include <curl/curl.h>

#include "core/base/diag.h"

/* Its functions, by their names without "curl_". */
#define CURL_FUNCTIONS(ROW) \
	ROW(easy_cleanup) ROW(easy_getinfo) ROW(easy_init) ROW(easy_setopt) ROW(easy_strerror) ROW(global_cleanup) ROW(global_init) \
	ROW(multi_add_handle) ROW(multi_cleanup) ROW(multi_info_read) ROW(multi_init) ROW(multi_perform) ROW(multi_poll) \
	ROW(multi_remove_handle) ROW(slist_append) ROW(slist_free_all)

struct curl_functions {
#define CURL_MEMBER(name) __typeof__(curl_##name) *name;
	CURL_FUNCTIONS(CURL_MEMBER)
#undef CURL_MEMBER
};

/* Good once curl_load has returned 0; ERROR_SYSTEM, with a message, when the library is not there. */
extern struct curl_functions curl;
int curl_load(struct diag *diag);

#endif
