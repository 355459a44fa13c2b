#include "bootcfg/contain/curl.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/base/error.h"

struct curl_functions curl;

int curl_load(struct diag *diag)
{
	static const struct {
		const char *name;
		size_t offset;
	} functions[] = {
#define CURL_ROW(name) {"curl_" #name, offsetof(struct curl_functions, name)},
		CURL_FUNCTIONS(CURL_ROW)
#undef CURL_ROW
	};
	static bool loaded;
	void *library = loaded ? NULL : dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; i < ARRAY_LENGTH(functions) && library != NULL; i++) {
		void *function = dlsym(library, functions[i].name);
		if (function == NULL)
			library = NULL;
		else
			memcpy((char *)&curl + functions[i].offset, &function, sizeof(function));
	}
	loaded |= library != NULL;
	if (loaded)
		return 0;
	const char *why = dlerror();
	diag_error(diag, NULL, "nothing can be probed without libcurl: %s", why != NULL ? why : "it lacks a function");
	return ERROR_SYSTEM;
}
