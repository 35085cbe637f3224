/* lines.h - progress records as lines of text. */
#ifndef DEVVM_CTL_LINES_H
#define DEVVM_CTL_LINES_H

#include "ctl/ctl.h"
#include "wire/record.h"

/* For follow.h; needs no `context`. One line for a step that failed, to `out`:
 * "! emo code: git clone: no route". */
void lines_print_failed(const struct ctl *ctl, const struct record *progress, void *context);

/* One line to `out`: "MARK user step: text". The machine is called so. */
void lines_print(const struct ctl *ctl, char mark, const struct record *progress);

#endif
