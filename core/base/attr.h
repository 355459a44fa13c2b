/* GNU attributes, in one place so that the rest is plain C17. */
#ifndef CORDON_BASE_ATTR_H
#define CORDON_BASE_ATTR_H

#if defined(__GNUC__)
#define ATTR_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define ATTR_NORETURN __attribute__((noreturn))
#define ATTR_NODISCARD __attribute__((warn_unused_result))
#define ATTR_UNUSED __attribute__((unused))
#define ATTR_TARGET(features) __attribute__((target(features)))
#else
#define ATTR_PRINTF(text, first)
#define ATTR_NORETURN
#define ATTR_NODISCARD
#define ATTR_UNUSED
#define ATTR_TARGET(features)
#endif

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#endif
