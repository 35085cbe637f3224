/* snapshot.c - devvm-agent snapshot-refresh: the browser state that a person's playwright
 * sessions begin with, fetched once an hour by their own timer.
 *
 * The state (cookies and local storage, playwright's storageState) comes from
 * playwright.snapshot_url with the token of ~/.config/playwright/token, is held against its
 * shape and replaces ~/.config/playwright/storage-state.json whole, 0600. Whatever goes wrong, the
 * old one stays. A running server reads the file for each new session, so nothing is restarted.
 */
#include "agent/snapshot.h"

#include <jansson.h>

#include "agent/caller.h"
#include "base/clock.h"
#include "base/home.h"
#include "base/log.h"
#include "fetch/fetch.h"

#define DEADLINE_MS 60000
#define TOKEN_MAX_BYTES 4096

static void json_cleanup(json_t **json)
{
	json_decref(*json);
}

int snapshot_check(const char *data, size_t n_bytes, struct dv_error *err)
{
	static const char *const lists[] = { "cookies", "origins" };
	json_error_t where;
	DV_CLEANUP(json_cleanup) json_t *json = json_loadb(data ? data : "", n_bytes, 0, &where);

	/* jansson's own sentence quotes the text, and that may be a cookie. */
	if (!json)
		return dv_refuse(err, -EBADMSG, "it is not JSON (line %d)", where.line);
	for (size_t i = 0; i < DV_COUNT(lists); i++) {
		if (!json_is_array(json_object_get(json, lists[i])))
			return dv_refuse(err, -EBADMSG, "it has no list \"%s\"", lists[i]);
	}
	return 0;
}

int snapshot_read_token(int home_fd, struct secret *ret_token, struct dv_error *err)
{
	DV_AUTO_SECRET struct secret token = { 0 };
	int r = home_read(home_fd, SNAPSHOT_TOKEN, TOKEN_MAX_BYTES, &token.text, &token.n_bytes,
			  err);

	if (r < 0)
		return r;
	while (token.n_bytes > 0 && strchr(" \r\n", token.text[token.n_bytes - 1]))
		token.text[--token.n_bytes] = '\0';
	/* What a header can hold: a line break in it would be a header of its own. */
	for (size_t i = 0; i < token.n_bytes; i++) {
		if (token.text[i] <= ' ' || token.text[i] > '~')
			return dv_refuse(err, -EINVAL,
					 "~/" SNAPSHOT_TOKEN
					 " is not one word of printable characters");
	}
	if (token.n_bytes == 0)
		return dv_refuse(err, -EINVAL, "~/" SNAPSHOT_TOKEN " is empty");
	*ret_token = token;
	token = (struct secret){ 0 }; /* handed over */
	return 0;
}

static int make_header(const struct secret *token, struct secret *ret_header, struct dv_error *err)
{
	static const char begin[] = "Authorization: Bearer ";
	size_t n_bytes = sizeof(begin) - 1 + token->n_bytes;
	char *line = malloc(n_bytes + 1);

	if (!line)
		return dv_fail(err, -ENOMEM, "ask for the browser state");
	memcpy(line, begin, sizeof(begin) - 1);
	memcpy(line + sizeof(begin) - 1, token->text, token->n_bytes);
	line[n_bytes] = '\0';
	*ret_header = (struct secret){ .text = line, .n_bytes = n_bytes };
	return 0;
}

/* With a header no redirect is followed, so the token goes to the configured host and no other. */
static int fetch_state(const char *url, const struct secret *token, int64_t deadline_ms,
		       struct secret *ret_state, struct dv_error *err)
{
	DV_AUTO_SECRET struct secret header = { 0 };
	DV_AUTO_FETCH_ANSWER struct fetch_answer answer = { 0 };
	const struct fetch_request request = { .url = url,
					       .protocols = FETCH_HTTP | FETCH_HTTPS,
					       .max_bytes = SNAPSHOT_MAX_BYTES,
					       .deadline_ms = deadline_ms,
					       .headers = &header,
					       .n_headers = 1 };
	char shown[FETCH_SHOWN_BYTES];
	int r = make_header(token, &header, err);

	if (r == 0)
		r = fetch_memory(&request, &answer, err);
	if (r < 0)
		return r;
	if (answer.status >= 300 && answer.status < 400)
		return dv_refuse(
			err, -ENODATA,
			"%s: the server answered %u and points elsewhere; the token is not sent "
			"on: name the final address in /etc/devvm/devvm.yaml",
			fetch_show_url(url, shown), answer.status);
	if (answer.status != 200)
		return dv_refuse(err, -ENODATA, "%s: the server answered %u",
				 fetch_show_url(url, shown), answer.status);
	r = snapshot_check(answer.body.text, answer.body.n_bytes, err);
	if (r < 0)
		return dv_prefix(err, r, "%s answers what is no browser state",
				 fetch_show_url(url, shown));
	*ret_state = answer.body;
	answer.body = (struct secret){ 0 }; /* handed over */
	return 0;
}

int snapshot_refresh(int home_fd, const char *url, int64_t deadline_ms, struct dv_error *err)
{
	DV_AUTO_SECRET struct secret token = { 0 };
	DV_AUTO_SECRET struct secret state = { 0 };
	DV_AUTO_CLOSE int folder_fd = -1;
	int r = snapshot_read_token(home_fd, &token, err);

	if (r < 0)
		return r;
	r = fetch_state(url, &token, deadline_ms, &state, err);
	if (r < 0)
		return r;
	folder_fd = home_open_folder(home_fd, SNAPSHOT_FOLDER, 0700, err);
	if (folder_fd < 0)
		return folder_fd;
	r = file_replace(folder_fd, "storage-state.json",
			 &(struct file_spec){ .data = state.text,
					      .n_bytes = state.n_bytes,
					      .mode = 0600,
					      .uid = (uid_t)-1,
					      .gid = (gid_t)-1 },
			 err);
	return r < 0 ? dv_prefix(err, r, "in ~/" SNAPSHOT_FOLDER) : 0;
}

int agent_snapshot_refresh(int argc, char **argv DV_UNUSED)
{
	DV_AUTO_CALLER struct caller caller = CALLER_EMPTY;
	struct dv_error err = { "" };
	int r;

	if (argc > 1) {
		log_error("devvm-agent snapshot-refresh takes no argument");
		return AGENT_USAGE;
	}
	r = caller_init(&caller, &err);
	if (r == 0 && !caller.config.playwright_snapshot_url) {
		log_info("nothing to fetch: playwright.snapshot_url is not set in "
			 "/etc/devvm/devvm.yaml");
		return AGENT_OK;
	}
	if (r == 0 && faccessat(caller.home_fd, SNAPSHOT_TOKEN, F_OK, 0) < 0 && errno == ENOENT) {
		log_info("nothing to fetch: there is no ~/" SNAPSHOT_TOKEN);
		return AGENT_OK;
	}
	if (r == 0)
		r = snapshot_refresh(caller.home_fd, caller.config.playwright_snapshot_url,
				     clock_deadline_ms(DEADLINE_MS), &err);
	if (r < 0) {
		log_error("the browser state stays as it was: %s", err.text);
		return AGENT_FAILED;
	}
	log_info("~/" SNAPSHOT_FILE " is fresh");
	return AGENT_OK;
}
