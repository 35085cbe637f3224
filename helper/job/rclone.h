/* rclone.h - the few ways in which Debian's rclone is called, and what it answers.
 *
 * Contract: rclone(1), https://rclone.org/docs/ and /commands/rclone_sync/, as 1.60 (bookworm and
 * trixie) keeps it. `sync` makes the destination as the source is and writes to the destination alone.
 * `--max-delete N` is no guard by itself: it stops a sync behind its N-th deletion, with those N
 * done. So the deletions are counted first, by the same sync with --dry-run.
 *
 * With --use-json-log each line is an object; with --stats-log-level ERROR the last one holds the
 * counts, and `--log-level ERROR` leaves out the lines per file. `size --json` prints one object
 * with the number of files. What is no JSON is rclone's last word on why it ended.
 */
#ifndef DEVVM_JOB_RCLONE_H
#define DEVVM_JOB_RCLONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"
#include "config/config_mirrors.h"

#define RCLONE_LINE_BYTES 8192 /* a longer line is passed over */
#define RCLONE_WORDS_BYTES 320

/* What came out of one call. Zero-initialise. */
struct rclone_log {
	char line[RCLONE_LINE_BYTES];
	size_t n_line;
	bool is_too_long;

	bool has_stats;
	int64_t checked, copied, deleted, errors, bytes;
	bool has_size;
	int64_t n_files;
	char error[RCLONE_WORDS_BYTES]; /* the first error, printable ASCII; "" for none */
	char plain[RCLONE_WORDS_BYTES]; /* the last line that is no JSON, the same */
};

/* Take output in pieces as they come; `context` is the struct rclone_log. */
void rclone_log_feed(void *context, const char *bytes, size_t n_bytes);
/* The last line may have no end. */
void rclone_log_end(struct rclone_log *log);
/* Why it failed, in its words. */
const char *rclone_log_why(const struct rclone_log *log);

/* How a mirror's source is named on the command line: "/path", "source:", "source:/path". */
#define RCLONE_SOURCE_BYTES 512
void rclone_source(const struct config_mirror *mirror, char ret_source[static RCLONE_SOURCE_BYTES]);

/* The configuration file with the remote `source`: all that is secret stands in there and nowhere
 * else. `key_path` is the private key of an sftp source, `obscured` the password of a webdav one
 * as `rclone obscure` prints it; NULL where there is none. */
DV_MUST_CHECK int rclone_config(const struct config_mirror *mirror, const char *key_path,
				const char *obscured, struct secret *ret_text,
				struct dv_error *err);

#endif
