/* fcgi.c - see fcgi.h. */
#include "dispatch/fcgi.h"

#include <string.h>

enum {
	FCGI_BEGIN = 1,
	FCGI_END = 3,
	FCGI_PARAMS = 4,
	FCGI_STDIN = 5,
	FCGI_STDOUT = 6,
};

#define VERSION 1
#define ROLE_RESPONDER 1
#define FLAG_KEEP 1
#define MAX_CONTENT 65528 /* of a record of ours: below 64 KiB, and a multiple of eight */

static unsigned int type_of(const struct fcgi *fcgi)
{
	return fcgi->header[1];
}

/* ---- what comes in -------------------------------------------------------------------- */

static int begin_record(struct fcgi *fcgi, struct dv_error *err)
{
	const uint8_t *h = fcgi->header;
	uint16_t id = (uint16_t)(h[2] << 8 | h[3]);

	fcgi->n_content = (size_t)(h[4] << 8 | h[5]);
	fcgi->n_padding = h[6];
	if (h[0] != VERSION || id == 0)
		return dv_refuse(err, -EBADMSG, "what came is no FastCGI");
	switch (type_of(fcgi)) {
	case FCGI_BEGIN:
		if (fcgi->id || fcgi->n_content != sizeof(fcgi->begin))
			return dv_refuse(err, -EBADMSG, "a request begins inside another");
		fcgi->id = id;
		return 0;
	case FCGI_PARAMS:
		if (id != fcgi->id || fcgi->params_end)
			return dv_refuse(err, -EBADMSG, "parameters of no request");
		if (fcgi->n_bytes + fcgi->n_content > FCGI_MAX_PARAMS_BYTES)
			return dv_refuse(err, -EBADMSG, "more than %d bytes of parameters",
					 FCGI_MAX_PARAMS_BYTES);
		fcgi->params_end = fcgi->n_content == 0;
		return 0;
	case FCGI_STDIN:
		if (id != fcgi->id || !fcgi->params_end)
			return dv_refuse(err, -EBADMSG, "a body before its parameters");
		fcgi->n_body += fcgi->n_content;
		if (fcgi->n_body > FCGI_MAX_BODY_BYTES)
			return dv_refuse(err, -EBADMSG, "a body, which is nginx's to keep");
		return 0;
	default:
		return dv_refuse(err, -EBADMSG, "a FastCGI record of type %u", type_of(fcgi));
	}
}

static int take_content(struct fcgi *fcgi, const uint8_t *bytes, size_t n)
{
	switch (type_of(fcgi)) {
	case FCGI_BEGIN:
		memcpy(fcgi->begin + fcgi->n_begin, bytes, n);
		fcgi->n_begin += n;
		break;
	case FCGI_PARAMS:
		if (!fcgi->bytes)
			fcgi->bytes = malloc(FCGI_MAX_PARAMS_BYTES);
		if (!fcgi->bytes)
			return -ENOMEM;
		memcpy(fcgi->bytes + fcgi->n_bytes, bytes, n);
		fcgi->n_bytes += n;
		break;
	default: /* a body is dropped */
		break;
	}
	return 0;
}

static bool take_length(const struct fcgi *fcgi, size_t *at, size_t *ret_n)
{
	const uint8_t *b = fcgi->bytes + *at;
	size_t n_left = fcgi->n_bytes - *at;

	if (n_left < 1)
		return false;
	if (!(b[0] & 0x80)) {
		*ret_n = b[0];
		*at += 1;
		return true;
	}
	if (n_left < 4)
		return false;
	*ret_n = (size_t)(b[0] & 0x7f) << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
	*at += 4;
	return true;
}

static const char *take_text(struct fcgi *fcgi, size_t *at, size_t n, char **end)
{
	char *text = *end;

	memcpy(text, fcgi->bytes + *at, n);
	text[n] = '\0';
	*at += n;
	*end = text + n + 1;
	return text;
}

static int read_params(struct fcgi *fcgi, struct dv_error *err)
{
	size_t at = 0;
	char *end;

	/* A name and a value have two bytes of length at least, and get two NULs. */
	fcgi->text = malloc(fcgi->n_bytes + 2);
	if (!fcgi->text)
		return dv_fail(err, -ENOMEM, "read the parameters");
	end = fcgi->text;
	while (at < fcgi->n_bytes) {
		size_t n_name = 0, n_value = 0;
		struct fcgi_param *param = &fcgi->params[fcgi->n_params];

		if (fcgi->n_params == FCGI_MAX_PARAMS)
			return dv_refuse(err, -EBADMSG, "more than %d parameters", FCGI_MAX_PARAMS);
		if (!take_length(fcgi, &at, &n_name) || !take_length(fcgi, &at, &n_value) ||
		    n_name > fcgi->n_bytes - at || n_value > fcgi->n_bytes - at - n_name)
			return dv_refuse(err, -EBADMSG, "parameters that do not end");
		param->name = take_text(fcgi, &at, n_name, &end);
		param->value = take_text(fcgi, &at, n_value, &end);
		if (strlen(param->name) != n_name || strlen(param->value) != n_value)
			return dv_refuse(err, -EBADMSG, "a parameter with a NUL in it");
		fcgi->n_params++;
	}
	return 0;
}

/* 1: the request is whole. */
static int end_record(struct fcgi *fcgi, struct dv_error *err)
{
	bool is_empty = !(fcgi->header[4] || fcgi->header[5]);
	int r;

	fcgi->n_header = 0;
	if (type_of(fcgi) == FCGI_BEGIN) {
		if ((fcgi->begin[0] << 8 | fcgi->begin[1]) != ROLE_RESPONDER)
			return dv_refuse(err, -EBADMSG, "another role than a responder's");
		fcgi->keeps = fcgi->begin[2] & FLAG_KEEP;
	}
	if (type_of(fcgi) != FCGI_STDIN || !is_empty)
		return 0;
	r = read_params(fcgi, err);
	return r < 0 ? r : 1;
}

int fcgi_feed(struct fcgi *fcgi, const void *bytes, size_t n_bytes, size_t *ret_n_used,
	      struct dv_error *err)
{
	const uint8_t *at = bytes, *end = at + n_bytes;
	int r = 0;

	while (r == 0 && at < end) {
		size_t n_left = (size_t)(end - at), n;

		if (fcgi->n_header < sizeof(fcgi->header)) {
			fcgi->header[fcgi->n_header++] = *at++;
			if (fcgi->n_header < sizeof(fcgi->header))
				continue;
			r = begin_record(fcgi, err);
		} else if (fcgi->n_content > 0) {
			n = n_left < fcgi->n_content ? n_left : fcgi->n_content;
			if (take_content(fcgi, at, n) < 0)
				return dv_fail(err, -ENOMEM, "read a request");
			fcgi->n_content -= n;
			at += n;
		} else {
			n = n_left < fcgi->n_padding ? n_left : fcgi->n_padding;
			fcgi->n_padding -= n;
			at += n;
		}
		if (r == 0 && fcgi->n_header == sizeof(fcgi->header) && fcgi->n_content == 0 &&
		    fcgi->n_padding == 0)
			r = end_record(fcgi, err);
	}
	*ret_n_used = (size_t)(at - (const uint8_t *)bytes);
	return r;
}

const char *fcgi_get(const struct fcgi *fcgi, const char *name)
{
	for (size_t i = 0; i < fcgi->n_params; i++) {
		if (strcmp(fcgi->params[i].name, name) == 0)
			return fcgi->params[i].value;
	}
	return NULL;
}

size_t fcgi_count(const struct fcgi *fcgi, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < fcgi->n_params; i++)
		n += strcmp(fcgi->params[i].name, name) == 0;
	return n;
}

/* ---- what goes out -------------------------------------------------------------------- */

static uint8_t *put_record(uint8_t *at, unsigned int type, uint16_t id, const void *bytes, size_t n)
{
	const uint8_t header[8] = { VERSION,	 (uint8_t)type,	    (uint8_t)(id >> 8),
				    (uint8_t)id, (uint8_t)(n >> 8), (uint8_t)n };

	memcpy(at, header, sizeof(header));
	if (n > 0)
		memcpy(at + sizeof(header), bytes, n);
	return at + sizeof(header) + n;
}

int fcgi_answer(const struct fcgi *fcgi, const char *bytes, size_t n_bytes, uint8_t **ret_records,
		size_t *ret_n_records)
{
	static const uint8_t ended[8];
	size_t n_records = n_bytes / MAX_CONTENT + 3;
	uint8_t *records = malloc(n_bytes + n_records * 8 + sizeof(ended));
	uint8_t *at = records;

	if (!records)
		return -ENOMEM;
	while (n_bytes > 0) {
		size_t n = n_bytes < MAX_CONTENT ? n_bytes : MAX_CONTENT;

		at = put_record(at, FCGI_STDOUT, fcgi->id, bytes, n);
		bytes += n;
		n_bytes -= n;
	}
	at = put_record(at, FCGI_STDOUT, fcgi->id, NULL, 0);
	at = put_record(at, FCGI_END, fcgi->id, ended, sizeof(ended));
	*ret_records = records;
	*ret_n_records = (size_t)(at - records);
	return 0;
}

void fcgi_next(struct fcgi *fcgi)
{
	if (fcgi->bytes)
		explicit_bzero(fcgi->bytes, fcgi->n_bytes); /* cookies */
	if (fcgi->text)
		explicit_bzero(fcgi->text, fcgi->n_bytes + 2);
	free(fcgi->bytes);
	free(fcgi->text);
	*fcgi = (struct fcgi){ .keeps = fcgi->keeps };
}

void fcgi_done(struct fcgi *fcgi)
{
	fcgi_next(fcgi);
}
