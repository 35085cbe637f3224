/* playwright_token.c - ~/.config/playwright/token, with which a person's browser state is fetched.
 *
 * Root stages one for the machine and systemd hands it to devvm-home@USER as a credential, so
 * nobody of us reads a file of root's or has it in an environment. Given once, where there is
 * none: what stands there is the person's own, whatever it holds.
 */
#include "steps/playwright_token.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/home.h"
#include "base/secret.h"
#include "steps/work.h"

#define FOLDER ".config/playwright"
#define TOKEN FOLDER "/token"
#define NEW_TOKEN FILE_TEMPORARY_PREFIX "token"
#define CREDENTIAL "chrome-service-token"
#define MAX_BYTES 4096

/* -ENOENT where none was staged: the unit gives an empty one then. */
static int read_credential(struct secret *ret_token, struct dv_error *err)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY"); /* systemd.exec(5) */
	DV_AUTO_CLOSE int fd = folder ? open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	DV_AUTO_SECRET struct secret token = { 0 };
	int r;

	if (fd < 0)
		return dv_refuse(err, -ENOENT, "no credential was handed in");
	r = secret_read(fd, CREDENTIAL, MAX_BYTES, &token, err);
	if (r < 0)
		return dv_prefix(err, r, "read the credential");
	if (strspn(token.text, " \r\n") == token.n_bytes)
		return dv_refuse(err, -ENOENT, "no %s is staged", CREDENTIAL);
	*ret_token = token;
	token = (struct secret){ 0 }; /* handed over */
	return 0;
}

int playwright_token_check(struct step_context *context, enum step_verdict *ret_verdict,
			   char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	DV_AUTO_SECRET struct secret token = { 0 };
	struct dv_error trouble = { "" }; /* told only where it is not an answer */
	struct stat st;
	int r;

	if (fstatat(context->home->home_fd, TOKEN, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
			return dv_refuse(err, -EINVAL, "~/" TOKEN " is no file: move it away");
		*ret_verdict = STEP_FINE;
		return 0;
	}
	if (errno != ENOENT)
		return dv_fail(err, -errno, "look at ~/" TOKEN);
	r = read_credential(&token, &trouble);
	if (r < 0 && r != -ENOENT)
		return dv_refuse(err, r, "%s", trouble.text);
	*ret_verdict = r < 0 ? STEP_SKIPPED : STEP_DIFFERS;
	if (r == 0)
		(void)snprintf(ret_what, STEP_WHAT_BYTES, "put a token into ~/" TOKEN);
	return 0;
}

int playwright_token_apply(struct step_context *context, struct dv_error *err)
{
	DV_AUTO_SECRET struct secret token = { 0 };
	DV_AUTO_CLOSE int folder_fd = -1;
	int r = read_credential(&token, err);

	if (r < 0)
		return r;
	folder_fd = home_open_folder(context->home->home_fd, FOLDER, 0700, err);
	if (folder_fd < 0)
		return folder_fd;
	r = file_replace(folder_fd, NEW_TOKEN,
			 &(struct file_spec){ .data = token.text,
					      .n_bytes = token.n_bytes,
					      .mode = 0600,
					      .uid = (uid_t)-1,
					      .gid = (gid_t)-1 },
			 err);
	if (r < 0)
		return dv_prefix(err, r, "in ~/" FOLDER);
	/* RENAME_NOREPLACE: one that the person put there meanwhile stays. */
	if (renameat2(folder_fd, NEW_TOKEN, folder_fd, "token", RENAME_NOREPLACE) < 0) {
		r = errno == EEXIST ? 0 : dv_fail(err, -errno, "rename to ~/" TOKEN);
		(void)unlinkat(folder_fd, NEW_TOKEN, 0); /* the next run replaces it */
	}
	return r;
}
