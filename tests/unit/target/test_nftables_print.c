/* tests/golden/nft/NAME.in, a policy (nft_policy.h), gives exactly NAME.nft, and nft takes it.  With CORDON_UPDATE
 * in the environment the .nft files are written anew.  The digest is left out: it is the store's business. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "nft_policy.h"

#define FOLDER CORDON_SOURCE "/tests/golden/nft"

enum { FILE_MOST = 1 << 20, DIGEST = 64 };

static char *file_read(const char *path)
{
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return NULL;
	char *text = memory_alloc(FILE_MOST + 1);
	size_t length = fread(text, 1, FILE_MOST, file);
	text[length] = '\0';
	fclose(file);
	return text;
}

static void digest_blank(char *text)
{
	for (char *at = text; (at = strstr(at, ", digest ")) != NULL && strlen(at) > DIGEST + 9; at += 9)
		memset(at + 9, '0', DIGEST);
}

/* 0 when nft takes the file, 77 when no namespace can be made, 78 when there is no nft. */
static int nft_check(const char *path)
{
	int status = 0;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		if (!nft_namespace())
			_exit(77);
		execlp("nft", "nft", "-c", "-f", path, (char *)NULL);
		execl("/usr/sbin/nft", "nft", "-c", "-f", path, (char *)NULL);
		_exit(78);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void golden_check(const char *name, const char *text, const char *path)
{
	char made[] = "/tmp/cordon-nft-XXXXXX";
	char *wanted = file_read(path);
	if (getenv("CORDON_UPDATE") != NULL) {
		FILE *file = fopen(path, "w");
		cr_assert_not_null(file, "%s", path);
		fputs(text, file);
		fclose(file);
	} else {
		cr_expect(wanted != NULL && strcmp(wanted, text) == 0, "%s differs from %s:\n%s", name, path, text);
	}
	free(wanted);
	int fd = mkstemp(made);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	int result = nft_check(made);
	unlink(made);
	if (result == 77 || result == 78)
		fprintf(stderr, "SKIPPED: nft -c of %s: %s\n", name, result == 77 ? "no namespace" : "nft is not installed");
	else
		cr_expect_eq(result, 0, "nft does not take %s", name);
}

Test(nftables_print, golden_files)
{
	DIR *folder = opendir(FOLDER);
	size_t seen = 0;
	cr_assert_not_null(folder, FOLDER);
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		char path[1024];
		size_t length = strlen(entry->d_name);
		if (length < 4 || strcmp(entry->d_name + length - 3, ".in") != 0)
			continue;
		snprintf(path, sizeof(path), FOLDER "/%s", entry->d_name);
		char *text = file_read(path);
		struct nft_policy policy;
		struct buffer output;
		cr_assert_not_null(text);
		cr_assert(nft_policy_make(text, &policy), "%s", path);
		buffer_init(&output, FILE_MOST);
		nftables_print(policy.ruleset, &policy.options, &output);
		digest_blank(output.data);
		snprintf(path, sizeof(path), FOLDER "/%.*s.nft", (int)length - 3, entry->d_name);
		golden_check(entry->d_name, buffer_text(&output), path);
		buffer_done(&output);
		nft_policy_done(&policy);
		free(text);
		seen++;
	}
	closedir(folder);
	cr_expect_geq(seen, 9, "only %zu policies in " FOLDER, seen);
}
