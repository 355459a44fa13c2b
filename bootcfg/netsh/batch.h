/* A batch file as cmd.exe reads it: one logical line at a time, variables replaced first, then taken apart
 * into commands.  What is not understood is kept as such, and refused when it would have to be run.
 *
 * Reading (batch_parse.c) changes nothing; running (batch.c) runs the netsh commands. */
#ifndef CORDON_BOOTCFG_NETSH_BATCH_H
#define CORDON_BOOTCFG_NETSH_BATCH_H

#include "bootcfg/netsh/session.h"
#include "bootcfg/netsh/traced.h"
#include "bootcfg/netsh/variable.h"
#include "core/base/arena.h"

enum {
	FOR_MOST = 8,         /* loops in loops */
	NEST_MOST = 64,       /* parentheses, if and for in each other */
	RUNS_MOST = 1000000,  /* commands run, each turn of a loop counted */
	LOGICAL_MOST = 16 << 20, /* bytes of a logical line: a block in parentheses is one */
};

enum node_kind {
	NODE_NOTHING, /* a comment, a label, an empty line */
	NODE_SIMPLE,
	NODE_BLOCK,   /* all children, one after the other: ( … ) and & */
	NODE_AND,     /* each child while the one before it succeeded: && */
	NODE_OR,      /* || */
	NODE_PIPE,    /* | */
	NODE_IF,      /* first child, or the second */
	NODE_FOR,     /* its child for each item */
	NODE_BAD,     /* not understood: `why` */
};

enum condition_kind { CONDITION_EQUAL, CONDITION_COMPARE, CONDITION_DEFINED, CONDITION_UNKNOWN };

struct condition {
	enum condition_kind kind;
	bool negate, nocase;
	const char *compare;  /* EQU, NEQ, LSS, LEQ, GTR, GEQ */
	struct piece left, right;
};

struct node {
	enum node_kind kind;
	struct node *first, *next; /* children; the next of the same parent */
	struct span span;
	const char *why;           /* BAD: why; FOR: why its items are not known, or NULL */
	struct piece text;         /* SIMPLE: the command without redirections; FOR: the items */
	struct piece target;       /* SIMPLE: the file that output goes to, if any */
	bool quiet;                /* SIMPLE: output goes to nul */
	struct condition condition;
	char variable;             /* FOR */
	bool numbers;              /* FOR /L */
};

struct loop {
	char variable;
	const char *value;
	size_t length;
};

struct batch {
	struct session *session;
	struct variables variables;
	/* reading */
	size_t at;             /* the next line of the script */
	uint32_t line;         /* its number */
	struct traced logical; /* the lines read so far, variables replaced, each ended by \n */
	size_t cursor;         /* where the parser is in there */
	unsigned nest, blocks, loops_read;
	struct arena *arena;   /* of the nodes of one logical line */
	/* running */
	struct loop loops[FOR_MOST];
	size_t loop_count;
	struct traced work;    /* a command with the variables of loops replaced */
	size_t runs;
	bool stopped;          /* exit, or an error that ends everything */
	bool unsure;           /* what runs now may or may not run: another program decides */
	size_t foreign_unsaid;
	int error;             /* of the first command that failed, without keep_going */
};

/* Reads the next logical line; NULL at the end of the script.  The node lives until the next call. */
const struct node *batch_parse(struct batch *batch);

/* Appends the next line of the script to batch->logical; false at the end of the script. */
bool batch_more(struct batch *batch);

/* Runs a whole batch file.  Returns 0 or the first error; with keep_going 0. */
int batch_run(struct session *session);

#endif
