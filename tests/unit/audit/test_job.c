#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "logparse/audit/job.h"

static int read_job(struct arena *arena, const char *text, struct diag *diag, struct job **ret_job)
{
	return job_read(arena, "job.json", text, strlen(text), diag, ret_job);
}

Test(job, takes_every_key)
{
	static const char text[] =
		"{\"$schema\": \"x\", \"name\": \"web-1.a_B\", \"description\": \"d\", \"sources\": [\"/a\", {\"path\": \"b.evtx\", \"format\": \"evtx\", \"zone\": \"-05:30\"}],\n"
		" \"judge\": true, \"policy\": \"p\", \"variables\": {\"A\": \"1\", \"B\": \"\"}, \"host\": \"h.json\", \"store\": \"s.db\", \"kernel\": true, \"lint\": true,\n"
		" \"thresholds\": {\"drops\": 1, \"one_source\": 2, \"one_port\": 3, \"unexpected\": 4, \"unexplained\": 5, \"lost\": 6, \"recovered\": 7, \"least_records\": 8},\n"
		" \"outputs\": [{\"format\": \"text\", \"file\": \"t\"}, {\"format\": \"json\", \"file\": \"j\"}], \"state\": \"st.db\"}";
	struct arena *arena = arena_new();
	struct diag diag;
	struct job *job = NULL;
	diag_init(&diag);
	cr_assert_eq(read_job(arena, text, &diag, &job), 0);
	cr_expect_str_eq(job->name, "web-1.a_B");
	cr_assert_eq(job->source_count, 2);
	cr_expect_str_eq(job->sources[0].path, "/a");
	cr_expect_null(job->sources[0].type);
	cr_expect_eq(job->sources[1].type, &evtx_reader);
	cr_expect(job->sources[1].zone_known);
	cr_expect_eq(job->sources[1].zone, -330);
	cr_expect(job->judge && job->kernel && job->lint);
	cr_expect_str_eq(job->policy, "p");
	cr_assert_eq(job->variable_count, 2);
	cr_expect_str_eq(job->variables[1].name, "B");
	for (size_t i = 0; i < LIMITS; i++) {
		cr_expect(job->has_limit[i], "%s", job_limit_names[i]);
		cr_expect_eq(job->limits[i], i + 1, "%s", job_limit_names[i]);
	}
	cr_assert_eq(job->output_count, 2);
	cr_expect_eq(job->outputs[1].format, JOB_JSON);
	cr_expect_str_eq(job->outputs[1].file, "j");
	cr_expect_str_eq(job->state, "st.db");
	diag_done(&diag);
	arena_free(arena);
}

Test(job, nothing_unexpected_and_nothing_lost_unless_it_says_otherwise)
{
	struct arena *arena = arena_new();
	struct diag diag;
	struct job *job = NULL;
	diag_init(&diag);
	cr_assert_eq(read_job(arena, "{\"name\": \"a\", \"sources\": [\"x\"]}", &diag, &job), 0);
	cr_expect(job->judge && !job->kernel && !job->lint);
	for (size_t i = 0; i < LIMITS; i++) {
		cr_expect_eq(job->has_limit[i], i == LIMIT_UNEXPECTED || i == LIMIT_LOST, "%s", job_limit_names[i]);
		cr_expect_eq(job->limits[i], 0);
	}
	diag_done(&diag);
	arena_free(arena);
}

Test(job, refuses_what_is_wrong_and_says_where)
{
	static const struct {
		const char *text, *says;
		uint32_t line, column;
	} rows[] = {
		{"{\"sources\": [\"x\"]}", "the key \"name\" is missing", 1, 1},
		{"{\"name\": \"a\"}", "the key \"sources\" is missing", 1, 1},
		{"{\"name\": \"a\", \"sources\": []}", "from 1 to 1000 sources are needed", 1, 26},
		{"{\"name\": \"a b\", \"sources\": [\"x\"]}", "is no name of a job", 1, 10},
		{"{\"name\": \"a\",\n \"sources\": [\"-\"]}", "standard input cannot be", 2, 14},
		{"{\"name\": \"a\",\n \"sources\": [{\"path\": \"x\", \"format\": \"evty\"}]}", "there is no format \"evty\": it is one of", 2, 38},
		{"{\"name\": \"a\",\n \"sources\": [{\"path\": \"x\", \"zone\": \"Berlin\"}]}", "\"Berlin\" is no zone", 2, 36},
		{"{\"name\": \"a\",\n \"sources\": [{\"format\": \"w3c\"}]}", "the key \"path\" is missing", 2, 14},
		{"{\"name\": \"a\", \"sources\": [\"x\"], \"threshold\": {}}", "did you mean thresholds?", 1, 33},
		{"{\"name\": \"a\", \"sources\": [\"x\"], \"thresholds\": {\"drops\": -1}}", "a whole number from 0 on", 1, 57},
		{"{\"name\": \"a\", \"sources\": [\"x\"], \"thresholds\": {\"drops\": 1.5}}", "a whole number from 0 on", 1, 57},
		{"{\"name\": \"a\", \"sources\": [\"x\"], \"kernel\": \"yes\"}", "is wanted here, not a string", 1, 43},
		{"{\"name\": \"a\", \"sources\": [\"x\"], \"outputs\": [{\"format\": \"pdf\", \"file\": \"x\"}]}", "it is text or json", 1, 56},
		{"{\"name\": \"a\", \"sources\": [\"x\"], \"outputs\": [{\"format\": \"json\"}]}", "the key \"file\" is missing", 1, 45},
		{"{\"name\": \"a\", \"sources\": [\"x\"], \"policy\": \"\"}", "may not be empty", 1, 43},
		{"{\"name\": \"a\", \"sources\": [\"x\"],}", "", 1, 0},
		{"", "", 1, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new();
		struct diag diag;
		struct job *job = NULL;
		diag_init(&diag);
		cr_expect_lt(read_job(arena, rows[i].text, &diag, &job), 0, "%s", rows[i].text);
		cr_expect_null(job);
		cr_assert_geq(diag.count, 1, "%s", rows[i].text);
		cr_expect(strstr(diag.messages[0].text, rows[i].says) != NULL, "%s: %s", rows[i].text, diag.messages[0].text);
		if (rows[i].column > 0) {
			cr_expect_eq(diag.messages[0].line, rows[i].line, "%s", rows[i].text);
			cr_expect_eq(diag.messages[0].column, rows[i].column, "%s: column %u", rows[i].text, diag.messages[0].column);
		}
		diag_done(&diag);
		arena_free(arena);
	}
}

Test(job, example_and_schema_name_the_same_thresholds)
{
	static char text[65536];
	FILE *file = fopen(CORDON_SOURCE "/profiles/audit.schema.json", "r");
	cr_assert_not_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	(void)fclose(file);
	for (size_t i = 0; i < LIMITS; i++) {
		char key[64];
		(void)snprintf(key, sizeof(key), "\"%s\": {\"$ref\": \"#/$defs/number\"", job_limit_names[i]);
		cr_expect(strstr(text, key) != NULL, "%s", key);
	}
	for (size_t i = 0; readers[i] != NULL; i++) {
		char name[64];
		(void)snprintf(name, sizeof(name), "\"%s\"", readers[i]->name);
		cr_expect(strstr(text, name) != NULL, "%s", name);
	}
	struct arena *arena = arena_new();
	struct diag diag;
	struct job *job = NULL;
	diag_init(&diag);
	file = fopen(CORDON_SOURCE "/docs/audit.example.json", "r");
	cr_assert_not_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	(void)fclose(file);
	cr_expect_eq(read_job(arena, text, &diag, &job), 0);
	diag_done(&diag);
	arena_free(arena);
}
