/* yaml_text.h - what a file's bytes must be before libyaml sees them. */
#ifndef DEVVM_BASE_YAML_TEXT_H
#define DEVVM_BASE_YAML_TEXT_H

#include <stdbool.h>

#include "base/error.h"

/* Valid UTF-8 without control characters and without those that make a text read
 * differently from what it is: line separators other than LF and CRLF, bidirectional
 * controls (a roster is reviewed by eye, and whoever is in it may get root). Nor may a
 * line be a YAML directive. -EINVAL with "name:line: what". */
DV_MUST_CHECK int yaml_text_check(const char *name, const char *text, size_t n_bytes,
				  struct dv_error *err);

/* Whether a tab stands in what indents this line (counted from 1). */
bool yaml_text_is_tab_indented(const char *text, size_t n_bytes, unsigned int line);

#endif
