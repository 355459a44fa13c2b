/* Completion for shells, printed from the table of commands. */
#ifndef CORDON_APPS_COMPLETE_H
#define CORDON_APPS_COMPLETE_H

#include "core/base/buffer.h"

void complete_bash(struct buffer *buffer);
void complete_zsh(struct buffer *buffer);

#endif
