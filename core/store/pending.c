#include "core/store/pending.h"
