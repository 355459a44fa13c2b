#include <stdio.h>

#include <criterion/criterion.h>

#include "core/base/error.h"
#include "logparse/query/groups.h"

static void row_add(struct groups *groups, const char *text, int64_t number)
{
	const struct cell cells[] = {
		{.kind = text != NULL ? CELL_TEXT : CELL_NULL, .text = text != NULL ? cursor_text(text) : (struct cursor){NULL, NULL}},
		{.kind = CELL_INTEGER, .integer = number},
	};
	cr_assert_eq(groups_put(groups, &cells[0]), 0);
	cr_assert_eq(groups_put(groups, &cells[1]), 0);
	cr_assert_eq(groups_add(groups), 0);
}

static void rows_print(struct groups *groups, struct buffer *text)
{
	while (groups_next(groups)) {
		struct cell name = groups_cell(groups, 7), number = groups_cell(groups, 9);
		if (name.kind == CELL_TEXT)
			buffer_add(text, name.text.at, cursor_left(&name.text));
		buffer_printf(text, "%lld ", (long long)number.integer);
	}
}

static const size_t columns[] = {7, 9};

static void expect_rows(const struct group_order *order, size_t count, bool once, const char *expected)
{
	struct groups *groups = groups_new(columns, 2, 1 << 20);
	struct buffer text;
	buffer_init(&text, 1024);
	row_add(groups, "b", 2);
	row_add(groups, NULL, 5);
	row_add(groups, "a", 10);
	row_add(groups, "B", 1);
	row_add(groups, "b", 2);
	row_add(groups, "", 0);
	row_add(groups, "a", -3);
	groups_sort(groups, order, count, once);
	rows_print(groups, &text);
	cr_expect_str_eq(buffer_text(&text), expected, "%s", buffer_text(&text));
	buffer_done(&text);
	groups_free(groups);
}

Test(groups, rows_come_out_sorted_each_as_often_as_it_came_in)
{
	const struct group_order order[] = {{7, false, false}, {9, false, false}};
	expect_rows(order, 2, false, "5 0 B1 a-3 a10 b2 b2 ");
	expect_rows(order, 2, true, "5 0 B1 a-3 a10 b2 ");
}

Test(groups, descending_and_without_case)
{
	const struct group_order down[] = {{7, true, false}, {9, true, false}}, loose[] = {{7, false, true}, {9, false, false}};
	expect_rows(down, 2, false, "b2 b2 a10 a-3 B1 0 5 ");
	expect_rows(loose, 2, false, "5 0 a-3 a10 B1 b2 b2 ");
}

Test(groups, many_combinations_and_all_their_rows)
{
	enum { MANY = 50000 };
	struct groups *groups = groups_new(columns, 2, 1 << 26);
	const struct group_order order[] = {{9, false, false}};
	char name[32];
	for (int64_t i = 0; i < 3 * MANY; i++) {
		(void)snprintf(name, sizeof(name), "name %lld", (long long)(i % MANY));
		row_add(groups, name, i % MANY);
	}
	groups_sort(groups, order, 1, false);
	for (int64_t i = 0; i < 3 * MANY; i++) {
		cr_assert(groups_next(groups));
		cr_assert_eq(groups_cell(groups, 9).integer, i / 3);
	}
	cr_expect_not(groups_next(groups));
	cr_expect_not(groups_next(groups));
	groups_free(groups);
}

Test(groups, memory_is_bounded)
{
	struct groups *groups = groups_new(columns, 1, 10000);
	int error = 0;
	int64_t count = 0;
	for (; count < 10000 && error == 0; count++) {
		const struct cell cell = {.kind = CELL_INTEGER, .integer = count};
		cr_assert_eq(groups_put(groups, &cell), 0);
		error = groups_add(groups);
	}
	cr_expect_eq(error, ERROR_LIMIT);
	cr_expect_lt(count, 1000);
	groups_free(groups);
}
