/* A main for the fuzz targets where there is no libFuzzer: gives the target each file named, and each file of each
 * folder named, once.  Exit 0 when all were run; fails when there was none. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

enum { INPUT_MOST = 1 << 20, PATH_MOST = 4096 };

static int replay_file(const char *path)
{
	FILE *stream = fopen(path, "rb");
	uint8_t *bytes, *exact;
	size_t length;

	if (stream == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	bytes = malloc(INPUT_MOST);
	FUZZ_ASSERT(bytes != NULL);
	length = fread(bytes, 1, INPUT_MOST, stream);
	fclose(stream);
	/* A copy of just the right size, so that the sanitizers see every read past the end. */
	exact = malloc(length + (length == 0));
	FUZZ_ASSERT(exact != NULL);
	memcpy(exact, bytes, length);
	free(bytes);
	(void)LLVMFuzzerTestOneInput(exact, length);
	free(exact);
	return 0;
}

static int replay_folder(const char *path, size_t *count)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;
	int error = 0;

	if (folder == NULL) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	while (error == 0 && (entry = readdir(folder)) != NULL) {
		char file[PATH_MOST];

		if (entry->d_name[0] == '.')
			continue;
		if (snprintf(file, sizeof(file), "%s/%s", path, entry->d_name) >= (int)sizeof(file))
			error = -1;
		else
			error = replay_file(file);
		(*count)++;
	}
	closedir(folder);
	return error;
}

int main(int argc, char **argv)
{
	size_t count = 0;
	int error = 0;

	for (int i = 1; i < argc && error == 0; i++) {
		struct stat what;

		if (stat(argv[i], &what) == 0 && S_ISDIR(what.st_mode)) {
			error = replay_folder(argv[i], &count);
		} else {
			error = replay_file(argv[i]);
			count++;
		}
	}
	printf("%zu inputs\n", count);
	return error == 0 && count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
