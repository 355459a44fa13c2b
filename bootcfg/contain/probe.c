#include "bootcfg/contain/probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bootcfg/contain/curl.h"
#include "bootcfg/contain/endpoint.h"
#include "bootcfg/host.h"
#include "core/base/error.h"
#include "core/base/memory.h"

static int probe_resolve(struct probe *probe, const struct endpoint *endpoint, struct diag *diag)
{
	if (!endpoint->is_address) {
		int error = host_resolve(NULL, probe->host, &probe->addresses, diag, NULL);
		if (error == 0 && probe->addresses.count > PROBE_ADDRESSES) {
			diag_error(diag, NULL, "%s has %zu addresses, and a probe asks at most %d: give one of the addresses",
				   QUOTE(probe->text), probe->addresses.count, PROBE_ADDRESSES);
			error = ERROR_INPUT;
		}
		return error;
	}
	probe->addresses.items = memory_alloc(sizeof(*probe->addresses.items));
	probe->addresses.items[0] = endpoint->ip;
	probe->addresses.count = probe->addresses.capacity = 1;
	return 0;
}

int probe_prepare(struct probe *probe, const char *text, bool forbid, struct arena *arena, struct diag *diag)
{
	struct endpoint endpoint;
	*probe = (struct probe){.text = arena_text(arena, text), .forbid = forbid};
	int error = endpoint_parse(text, strlen(text), arena, diag, NULL, &endpoint);
	/* What is missing is said before anything has been changed. */
	if (error == 0)
		error = curl_load(diag);
	if (error < 0)
		return error;
	bool url = endpoint.scheme[0] != '\0';
	if (url && (forbid || strcmp(endpoint.scheme, "https") != 0)) {
		diag_error(diag, NULL, "%s: %s", QUOTE(text),
			   forbid ? "write HOST:PORT: what must not work is the connection itself" : "a probe's URL starts with https://");
		return ERROR_INPUT;
	}
	probe->host = endpoint.host;
	probe->is_address = endpoint.is_address;
	probe->port = endpoint.port;
	probe->path = endpoint.path;
	probe->url = url ? probe->text : NULL;
	return probe_resolve(probe, &endpoint, diag);
}

void probe_done(struct probe *probe)
{
	free(probe->addresses.items);
	probe->addresses = (struct ip_list){0};
}

/* --- a run --- */

/* Which certificates are good; a server is asked anew with the next when the one before is not satisfied. */
enum trust { TRUST_OWN, TRUST_PINNED, TRUST_SYSTEM, TRUST_COUNT };

/* A probe that runs: sockets of its own, or a transfer of libcurl. */
struct trial {
	const struct probe *probe;
	int64_t started, deadline;
	int sockets[PROBE_ADDRESSES]; /* -1: not open (any more) */
	CURL *transfer;
	struct curl_slist *resolve, *headers;
	char error[CURL_ERROR_SIZE];  /* what libcurl says */
	enum trust trust;
	size_t received;
	bool stopped;                 /* enough of the body was read */
	bool done, worked;
	struct buffer seen;
};

struct run {
	struct trial *trials;
	size_t count;
	CURLM *multi;
	struct curl_waitfd *descriptors; /* of all sockets of this turn, and whose they are */
	struct owner {
		struct trial *trial;
		size_t index;
	} *owners;
};

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void end_print(const struct ip *ip, uint16_t port, struct buffer *buffer)
{
	char text[IP_TEXT];
	ip_print(ip, text);
	endpoint_print(text, port, buffer);
}

/* --- TCP --- */

static socklen_t address_fill(const struct ip *ip, uint16_t port, struct sockaddr_storage *ret_address)
{
	*ret_address = (struct sockaddr_storage){0};
	if (ip->family == FAMILY_IPV4) {
		struct sockaddr_in *four = (struct sockaddr_in *)(void *)ret_address;
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		memcpy(&four->sin_addr, ip->bytes, 4);
		return sizeof(*four);
	}
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)ret_address;
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(port);
	memcpy(&six->sin6_addr, ip->bytes, 16);
	return sizeof(*six);
}

static void trial_end(struct trial *trial, bool worked)
{
	for (size_t i = 0; i < PROBE_ADDRESSES; i++) {
		if (trial->sockets[i] >= 0)
			close(trial->sockets[i]);
		trial->sockets[i] = -1;
	}
	trial->done = true;
	trial->worked = worked;
}

/* What came of one connect: code is an errno, 0 when it is connected. */
static void connect_result(struct trial *trial, size_t index, int code)
{
	const struct probe *probe = trial->probe;
	bool answered = code == 0 || code == ECONNREFUSED || code == ECONNRESET;
	if (trial->sockets[index] >= 0)
		close(trial->sockets[index]);
	trial->sockets[index] = -1;
	buffer_printf(&trial->seen, "%s", trial->seen.length > 0 ? "; " : "tcp ");
	end_print(&probe->addresses.items[index], probe->port, &trial->seen);
	if (code == 0)
		buffer_printf(&trial->seen, ": connected in %lld ms", (long long)(now_ms() - trial->started));
	else
		buffer_printf(&trial->seen, ": %s%s", strerror(code), answered ? " (so it was reached)" : "");
	if (code == 0 || (probe->forbid && answered))
		trial_end(trial, true);
}

static void tcp_start(struct trial *trial)
{
	const struct probe *probe = trial->probe;
	bool open = false;
	for (size_t i = 0; i < probe->addresses.count && !trial->done; i++) {
		struct sockaddr_storage address;
		socklen_t length = address_fill(&probe->addresses.items[i], probe->port, &address);
		int one = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		trial->sockets[i] = one;
		int code = one < 0 ? errno : 0;
		if (code == 0 && connect(one, (const struct sockaddr *)(const void *)&address, length) < 0)
			code = errno;
		if (code == EINPROGRESS)
			open = true;
		else
			connect_result(trial, i, code);
	}
	if (!trial->done && !open)
		trial_end(trial, false);
}

/* Looks at the sockets that poll has named. */
static void tcp_look(struct trial *trial, size_t index, short events)
{
	int code = 0;
	socklen_t length = sizeof(code);
	if (trial->done || trial->sockets[index] < 0 || events == 0)
		return;
	if (getsockopt(trial->sockets[index], SOL_SOCKET, SO_ERROR, &code, &length) < 0)
		code = errno;
	connect_result(trial, index, code);
	bool open = false;
	for (size_t i = 0; i < trial->probe->addresses.count; i++)
		open |= trial->sockets[i] >= 0;
	if (!trial->done && !open)
		trial_end(trial, false);
}

/* --- https --- */

/* The body is of no interest; a server that never ends it is not waited for. */
static size_t body_take(char *bytes, size_t size, size_t count, void *context)
{
	enum { BODY_MOST = 1 << 16 };
	struct trial *trial = context;
	(void)bytes;
	trial->received += size * count;
	trial->stopped = trial->received > BODY_MOST;
	return trial->stopped ? 0 : size * count;
}

/* The name that the certificate is asked for. */
static const char *trial_host(const struct trial *trial)
{
	return trial->trust == TRUST_PINNED ? trial->probe->pinned : trial->probe->host;
}

/* HOST:PORT:ADDRESS,ADDRESS… so that no name server is asked. */
static void resolve_print(const struct trial *trial, struct buffer *buffer)
{
	const struct ip_list *list = &trial->probe->addresses;
	char text[IP_TEXT];
	buffer_printf(buffer, "%s:%u:", trial_host(trial), (unsigned)trial->probe->port);
	for (size_t i = 0; i < list->count; i++) {
		ip_print(&list->items[i], text);
		bool six = list->items[i].family == FAMILY_IPV6;
		buffer_printf(buffer, "%s%s%s%s", i > 0 ? "," : "", six ? "[" : "", text, six ? "]" : "");
	}
}

static bool names_set(struct trial *trial)
{
	const struct probe *probe = trial->probe;
	struct buffer text;
	buffer_init(&text, 1 << 14);
	buffer_add_text(&text, "https://");
	endpoint_print(trial_host(trial), probe->port, &text);
	buffer_add_text(&text, probe->path);
	bool good = curl.easy_setopt(trial->transfer, CURLOPT_URL, buffer_text(&text)) == CURLE_OK;
	curl.slist_free_all(trial->resolve);
	curl.slist_free_all(trial->headers);
	trial->resolve = trial->headers = NULL;
	if (!probe->is_address || trial->trust == TRUST_PINNED) {
		buffer_clear(&text);
		resolve_print(trial, &text);
		trial->resolve = curl.slist_append(NULL, buffer_text(&text));
		good = good && trial->resolve != NULL;
	}
	if (trial->trust == TRUST_PINNED) {
		buffer_clear(&text);
		buffer_add_text(&text, "Host: ");
		endpoint_print(probe->host, probe->port, &text);
		trial->headers = curl.slist_append(NULL, buffer_text(&text));
		good = good && trial->headers != NULL;
	}
	good = good && curl.easy_setopt(trial->transfer, CURLOPT_RESOLVE, trial->resolve) == CURLE_OK &&
	       curl.easy_setopt(trial->transfer, CURLOPT_HTTPHEADER, trial->headers) == CURLE_OK;
	buffer_done(&text);
	return good;
}

static bool trust_set(struct trial *trial)
{
	const struct probe *probe = trial->probe;
	bool own = trial->trust != TRUST_SYSTEM && probe->ca_pem != NULL;
	if (curl.easy_setopt(trial->transfer, CURLOPT_SSL_VERIFYPEER, 1L) != CURLE_OK ||
	    curl.easy_setopt(trial->transfer, CURLOPT_SSL_VERIFYHOST, own && probe->any_name ? 0L : 2L) != CURLE_OK)
		return false;
	if (!own)
		return true;
	struct curl_blob blob = {(void *)(uintptr_t)probe->ca_pem, strlen(probe->ca_pem), CURL_BLOB_COPY};
	return curl.easy_setopt(trial->transfer, CURLOPT_CAINFO_BLOB, &blob) == CURLE_OK &&
	       curl.easy_setopt(trial->transfer, CURLOPT_CAINFO, NULL) == CURLE_OK &&
	       curl.easy_setopt(trial->transfer, CURLOPT_CAPATH, NULL) == CURLE_OK;
}

static bool transfer_set(struct trial *trial)
{
	CURL *transfer = trial->transfer;
	long left = (long)(trial->deadline - now_ms());
	return curl.easy_setopt(transfer, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl.easy_setopt(transfer, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
	       curl.easy_setopt(transfer, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       curl.easy_setopt(transfer, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl.easy_setopt(transfer, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
	       curl.easy_setopt(transfer, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
	       curl.easy_setopt(transfer, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
	       curl.easy_setopt(transfer, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
	       curl.easy_setopt(transfer, CURLOPT_TIMEOUT_MS, left > 0 ? left : 1L) == CURLE_OK &&
	       curl.easy_setopt(transfer, CURLOPT_USERAGENT, "cordon/" CORDON_VERSION) == CURLE_OK &&
	       curl.easy_setopt(transfer, CURLOPT_ERRORBUFFER, trial->error) == CURLE_OK &&
	       curl.easy_setopt(transfer, CURLOPT_WRITEFUNCTION, body_take) == CURLE_OK &&
	       curl.easy_setopt(transfer, CURLOPT_WRITEDATA, trial) == CURLE_OK &&
	       curl.easy_setopt(transfer, CURLOPT_PRIVATE, trial) == CURLE_OK && names_set(trial) && trust_set(trial);
}

static void transfer_start(struct run *run, struct trial *trial)
{
	trial->error[0] = '\0';
	trial->received = 0;
	trial->transfer = curl.easy_init();
	if (trial->transfer != NULL && transfer_set(trial) && curl.multi_add_handle(run->multi, trial->transfer) == CURLM_OK)
		return;
	buffer_printf(&trial->seen, "%s: libcurl cannot ask this", trial->probe->text);
	trial_end(trial, false);
}

static void transfer_drop(struct run *run, struct trial *trial)
{
	if (trial->transfer == NULL)
		return;
	curl.multi_remove_handle(run->multi, trial->transfer);
	curl.easy_cleanup(trial->transfer);
	trial->transfer = NULL;
}

/* The next kind of certificate that will do as well; false when there is none. */
static bool trust_next(struct trial *trial)
{
	const struct probe *probe = trial->probe;
	while (++trial->trust < TRUST_COUNT) {
		if (trial->trust == TRUST_PINNED && probe->ca_pem != NULL && probe->pinned != NULL && !probe->any_name)
			return true;
		if (trial->trust == TRUST_SYSTEM && probe->ca_pem != NULL && probe->system_too)
			return true;
	}
	return false;
}

static void transfer_result(struct run *run, struct trial *trial, CURLcode code)
{
	const struct probe *probe = trial->probe;
	long status = 0;
	char *from = NULL;
	(void)curl.easy_getinfo(trial->transfer, CURLINFO_RESPONSE_CODE, &status);
	(void)curl.easy_getinfo(trial->transfer, CURLINFO_PRIMARY_IP, &from);
	if (code == CURLE_WRITE_ERROR && trial->stopped)
		code = CURLE_OK;
	bool certificate = code == CURLE_PEER_FAILED_VERIFICATION;
	/* What the first certificate question said is the plainest: it speaks of the name that the user gave. */
	if (code != CURLE_OK && (trial->seen.length == 0 || !certificate)) {
		buffer_clear(&trial->seen);
		const char *why = trial->error[0] != '\0' ? trial->error : curl.easy_strerror(code);
		buffer_printf(&trial->seen, "%s: %s", probe->text, QUOTE(why));
	}
	if (code == CURLE_OK) {
		buffer_clear(&trial->seen);
		buffer_printf(&trial->seen, "%s: %ld in %lld ms from %s", probe->text, status,
			      (long long)(now_ms() - trial->started), from != NULL ? from : "?");
	}
	bool good = code == CURLE_OK && (probe->status != 0 ? status == probe->status : status >= 200 && status < 400);
	if (code == CURLE_OK && !good && probe->status != 0)
		buffer_printf(&trial->seen, ", and %ld is wanted", probe->status);
	else if (code == CURLE_OK && !good)
		buffer_add_text(&trial->seen, ", and 200 to 399 is wanted");
	transfer_drop(run, trial);
	if (certificate && now_ms() < trial->deadline && trust_next(trial))
		transfer_start(run, trial);
	else
		trial_end(trial, good);
}

static void transfers_look(struct run *run)
{
	int running, left;
	(void)curl.multi_perform(run->multi, &running);
	for (const CURLMsg *message; (message = curl.multi_info_read(run->multi, &left)) != NULL;) {
		struct trial *trial = NULL;
		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode code = message->data.result;
		(void)curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)(void *)&trial);
		transfer_result(run, trial, code);
	}
}

/* --- all of them --- */

static void trial_start(struct run *run, struct trial *trial, const struct probe *probe, int timeout_ms)
{
	int most = probe->forbid && timeout_ms > PROBE_FORBID_MS ? PROBE_FORBID_MS : timeout_ms;
	*trial = (struct trial){.probe = probe, .started = now_ms()};
	trial->deadline = trial->started + most;
	memset(trial->sockets, -1, sizeof(trial->sockets));
	buffer_init(&trial->seen, 1 << 14);
	if (probe->url != NULL)
		transfer_start(run, trial);
	else
		tcp_start(trial);
}

static void trial_expire(struct run *run, struct trial *trial)
{
	int64_t waited = trial->deadline - trial->started;
	if (trial->probe->url != NULL && trial->seen.length == 0) {
		buffer_printf(&trial->seen, "%s: no answer within %lld ms", trial->probe->text, (long long)waited);
	} else if (trial->probe->url == NULL) {
		for (size_t i = 0; i < trial->probe->addresses.count; i++) {
			if (trial->sockets[i] < 0)
				continue;
			buffer_add_text(&trial->seen, trial->seen.length > 0 ? "; " : "tcp ");
			end_print(&trial->probe->addresses.items[i], trial->probe->port, &trial->seen);
			buffer_printf(&trial->seen, ": no answer within %lld ms", (long long)waited);
		}
	}
	transfer_drop(run, trial);
	trial_end(trial, false);
}

/* One turn: waits for sockets and transfers until the nearest deadline.  False when all are done. */
static bool run_turn(struct run *run)
{
	size_t count = 0;
	int64_t nearest = INT64_MAX, now = now_ms();
	for (size_t i = 0; i < run->count; i++) {
		struct trial *trial = &run->trials[i];
		if (!trial->done && trial->deadline <= now)
			trial_expire(run, trial);
		if (!trial->done && trial->deadline < nearest)
			nearest = trial->deadline;
		for (size_t j = 0; j < PROBE_ADDRESSES; j++)
			if (trial->sockets[j] >= 0) {
				run->descriptors[count] = (struct curl_waitfd){.fd = trial->sockets[j], .events = CURL_WAIT_POLLOUT};
				run->owners[count++] = (struct owner){trial, j};
			}
	}
	if (nearest == INT64_MAX)
		return false;
	int64_t wait = nearest - now < 1000 ? nearest - now : 1000;
	(void)curl.multi_poll(run->multi, run->descriptors, (unsigned)count, (int)wait, NULL);
	for (size_t i = 0; i < count; i++)
		tcp_look(run->owners[i].trial, run->owners[i].index, run->descriptors[i].revents);
	transfers_look(run);
	return true;
}

/* Of a group one that worked is enough. */
static bool trial_good(const struct run *run, const struct trial *trial)
{
	const struct probe *probe = trial->probe;
	if (probe->group == 0)
		return trial->worked != probe->forbid;
	for (size_t i = 0; i < run->count; i++)
		if (run->trials[i].probe->group == probe->group && run->trials[i].worked)
			return true;
	return false;
}

static bool run_say(const struct run *run, struct diag *diag, struct buffer *seen)
{
	bool good = true;
	for (size_t i = 0; i < run->count; i++) {
		const struct trial *trial = &run->trials[i];
		const char *text = buffer_text(&trial->seen);
		buffer_printf(seen, "%s\n", text);
		if (trial_good(run, trial))
			continue;
		good = false;
		diag_error(diag, NULL, trial->probe->forbid ? "what must not work has worked: %s" : "what must work has not worked: %s",
			   text);
	}
	return good;
}

static void run_done(struct run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		struct trial *trial = &run->trials[i];
		transfer_drop(run, trial);
		trial_end(trial, trial->worked);
		curl.slist_free_all(trial->resolve);
		curl.slist_free_all(trial->headers);
		buffer_done(&trial->seen);
	}
	curl.multi_cleanup(run->multi);
	free(run->trials);
	free(run->descriptors);
	free(run->owners);
}

int probes_run(const struct probe *probes, size_t count, int timeout_ms, struct diag *diag, struct buffer *ret_seen, bool *ret_good)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	if (count == 0) {
		*ret_good = true;
		return 0;
	}
	int error = curl_load(diag);
	if (error < 0)
		return error;
	bool global = curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
	struct run run = {.multi = global ? curl.multi_init() : NULL};
	if (run.multi == NULL) {
		diag_error(diag, NULL, "libcurl cannot be set up, so nothing can be probed");
		if (global)
			curl.global_cleanup();
		return ERROR_SYSTEM;
	}
	run.trials = memory_alloc(count * sizeof(*run.trials));
	run.descriptors = memory_alloc(count * PROBE_ADDRESSES * sizeof(*run.descriptors));
	run.owners = memory_alloc(count * PROBE_ADDRESSES * sizeof(*run.owners));
	sigaction(SIGPIPE, &ignore, &before); /* OpenSSL writes to sockets that the other end has closed */
	for (; run.count < count; run.count++)
		trial_start(&run, &run.trials[run.count], &probes[run.count], timeout_ms);
	while (run_turn(&run))
		;
	*ret_good = run_say(&run, diag, ret_seen);
	run_done(&run);
	curl.global_cleanup();
	sigaction(SIGPIPE, &before, NULL);
	return 0;
}
