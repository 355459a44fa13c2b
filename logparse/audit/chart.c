#include "logparse/audit/chart.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "logparse/text.h"

#define HOUR UINT64_C(36000000000)

/* --- Numbers and times --- */

void chart_number(uint64_t number, struct buffer *output)
{
	char digits[24];
	size_t count = 0;
	do
		digits[count++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (count-- > 0) {
		buffer_add_char(output, digits[count]);
		if (count > 0 && count % 3 == 0)
			buffer_add_text(output, "\xe2\x80\xaf");
	}
}

void chart_time(uint64_t time, char separator, struct buffer *output)
{
	char text[RECORD_VALUE];
	const struct record record = {.time = time, .has = RECORD_HAS(COLUMN_DATE)};
	buffer_add(output, text, record_value(&record, COLUMN_DATE, text));
	buffer_add_char(output, separator);
	buffer_add(output, text, record_value(&record, COLUMN_TIME, text));
}

void chart_step_print(uint64_t hours, struct buffer *output)
{
	if (hours == 1)
		buffer_add_text(output, "hour");
	else if (hours == 24)
		buffer_add_text(output, "day");
	else if (hours % 24 != 0)
		buffer_printf(output, "%llu hours", (unsigned long long)hours);
	else
		buffer_printf(output, "%llu days", (unsigned long long)(hours / 24));
}

/* --- What the axis shows --- */

static int hour_compare(const void *a, const void *b)
{
	const struct chart_hour *left = a, *right = b;
	return (left->hour > right->hour) - (left->hour < right->hour);
}

/* A clock that was wrong for a moment must not make one bar of all the rest: from a time span of more than a year the
 * thousandth part at either end is left out. */
static void ends_trim(const struct chart *chart, uint64_t sum, size_t *first, size_t *last)
{
	enum { LONG = 400 * 24 };
	uint64_t low = 0, high = 0, most = sum / 1000;
	while (*first < *last && chart->hours[*last].hour - chart->hours[*first].hour > LONG) {
		uint64_t next_low = low + chart->hours[*first].count, next_high = high + chart->hours[*last].count;
		bool from_low = next_low <= most && (next_low <= next_high || next_high > most);
		if (!from_low && next_high > most)
			break;
		if (from_low) {
			low = next_low;
			(*first)++;
		} else {
			high = next_high;
			(*last)--;
		}
	}
}

void chart_init(struct chart *chart, struct summary *summary)
{
	static const uint64_t steps[] = {1, 2, 3, 6, 12, 24, 48, 7 * 24, 14 * 24, 28 * 24, 91 * 24, 365 * 24, 3650 * 24, 36500 * 24, 365000 * 24};
	enum { BARS = 200 };
	size_t count, first = 0, last;
	uint64_t sum = 0;
	const struct tallied *rows = tally_sorted(summary->hours, &count);
	*chart = (struct chart){.hours = memory_alloc((count + 1) * sizeof(*chart->hours)), .count = count, .step = 1, .empty = count == 0};
	for (size_t i = 0; i < count; i++) {
		chart->hours[i] = (struct chart_hour){summary_hour(rows[i].key), rows[i].count};
		sum += rows[i].count;
	}
	if (count == 0)
		return;
	qsort(chart->hours, count, sizeof(*chart->hours), hour_compare);
	last = count - 1;
	ends_trim(chart, sum, &first, &last);
	chart->first = chart->hours[first].hour;
	chart->last = chart->hours[last].hour;
	for (size_t i = 0; i < count; i++)
		chart->outside += i < first || i > last ? chart->hours[i].count : 0;
	for (size_t i = 0; i < summary->mode_count; i++) {
		uint64_t hour = summary->modes[i].time / HOUR;
		/* What happened shortly before or after belongs to it. */
		if (hour < chart->first && hour + 30 * 24 > chart->first)
			chart->first = hour;
		if (hour > chart->last && hour < chart->last + 30 * 24)
			chart->last = hour;
	}
	size_t step = 0;
	while (step + 1 < sizeof(steps) / sizeof(steps[0]) && (chart->last - chart->first) / steps[step] >= BARS)
		step++;
	chart->step = steps[step];
	/* Days begin at midnight. */
	chart->first -= chart->first % (chart->step < 24 ? chart->step : 24);
}

void chart_done(struct chart *chart)
{
	free(chart->hours);
}

/* --- Drawing --- */

enum { WIDTH = 1000, HEIGHT = 250, LEFT = 64, RIGHT = 12, TOP = 12, BOTTOM = 30, PLOT = WIDTH - LEFT - RIGHT, RISE = HEIGHT - TOP - BOTTOM };

static uint64_t bar_count(const struct chart *chart)
{
	return (chart->last - chart->first) / chart->step + 1;
}

/* The next of 1, 2, 5, 10, 20 … that makes at most four lines. */
static uint64_t tick_of(uint64_t most)
{
	static const uint64_t factors[] = {1, 2, 5};
	for (uint64_t power = 1; power <= UINT64_MAX / 100; power *= 10)
		for (size_t i = 0; i < 3; i++)
			if (power * factors[i] * 4 >= most)
				return power * factors[i];
	return most / 4 + 1;
}

static void scale_draw(uint64_t tick, uint64_t top, struct buffer *output)
{
	for (uint64_t value = 0; value <= top; value += tick) {
		double y = TOP + RISE * (1.0 - (double)value / (double)top);
		buffer_printf(output, "<line class=grid x1=%d x2=%d y1=%.1f y2=%.1f></line><text class=label x=%d y=%.1f text-anchor=end>", LEFT,
			      WIDTH - RIGHT, y, y, LEFT - 8, y + 4);
		chart_number(value, output);
		buffer_add_text(output, "</text>\n");
		if (value > UINT64_MAX - tick)
			break;
	}
}

/* Labels under the axis: at most eight, the day alone where bars are days. */
static void times_draw(const struct chart *chart, int y, struct buffer *output)
{
	uint64_t bars = bar_count(chart), every = bars / 7 + 1;
	/* On midnights where that is near enough. */
	if (chart->step < 24 && every * chart->step >= 12)
		every = (every * chart->step + 23) / 24 * 24 / chart->step;
	for (uint64_t bar = 0; bar < bars; bar += every) {
		char text[RECORD_VALUE];
		const struct record record = {.time = (chart->first + bar * chart->step) * HOUR, .has = RECORD_HAS(COLUMN_DATE)};
		double x = LEFT + PLOT * ((double)bar / (double)bars);
		bool end = x > WIDTH - 90;
		buffer_printf(output, "<line class=grid x1=%.1f x2=%.1f y1=%d y2=%d></line><text class=label x=%.1f y=%d%s>", x, x, y - 4, y + 4, x, y + 18,
			      end ? " text-anchor=end" : "");
		buffer_add(output, text, record_value(&record, COLUMN_DATE, text));
		if (chart->step < 24 && every * chart->step < 24) {
			buffer_add_char(output, ' ');
			buffer_add(output, text, record_value(&record, COLUMN_TIME, text) - 3);
		}
		buffer_add_text(output, "</text>\n");
	}
}

static void bar_draw(const struct chart *chart, uint64_t bar, uint64_t count, uint64_t top, struct buffer *output)
{
	uint64_t bars = bar_count(chart);
	double wide = (double)PLOT / (double)bars, high = RISE * ((double)count / (double)top);
	double gap = wide > 4 ? 1 : wide * 0.12;
	/* What is there is seen, however small beside the rest. */
	high = high < 1.5 ? 1.5 : high;
	buffer_printf(output, "<rect class=bar x=%.2f y=%.2f width=%.2f height=%.2f><title>", LEFT + wide * (double)bar + gap / 2, TOP + RISE - high,
		      wide - gap, high);
	chart_time((chart->first + bar * chart->step) * HOUR, ' ', output);
	buffer_add_text(output, ": ");
	chart_number(count, output);
	buffer_add_text(output, "</title></rect>\n");
}

/* The counts of the bars; the caller frees them. */
static uint64_t *bars_count(const struct chart *chart, uint64_t *ret_most)
{
	uint64_t bars = bar_count(chart), *counts = memory_alloc((size_t)bars * sizeof(*counts));
	*ret_most = 0;
	for (size_t i = 0; i < chart->count; i++) {
		const struct chart_hour *hour = &chart->hours[i];
		if (hour->hour < chart->first || hour->hour > chart->last)
			continue;
		uint64_t *count = &counts[(hour->hour - chart->first) / chart->step];
		*count += hour->count;
		*ret_most = *count > *ret_most ? *count : *ret_most;
	}
	return counts;
}

void chart_drops(const struct chart *chart, struct buffer *output)
{
	uint64_t most, *counts = bars_count(chart, &most), tick = tick_of(most), top = (most + tick - 1) / tick * tick;
	top = top == 0 ? tick : top;
	buffer_printf(output, "<div class=scroll><svg viewBox=\"0 0 %d %d\" role=img aria-labelledby=drops-title><title id=drops-title>Packets dropped, by ", WIDTH, HEIGHT);
	chart_step_print(chart->step, output);
	buffer_add_text(output, "; the table below has the numbers</title>\n");
	scale_draw(tick, top, output);
	for (uint64_t bar = 0; bar < bar_count(chart); bar++)
		if (counts[bar] > 0)
			bar_draw(chart, bar, counts[bar], top, output);
	times_draw(chart, TOP + RISE, output);
	buffer_add_text(output, "</svg></div>\n");
	free(counts);
}

const char *chart_mode_class(const char *mode)
{
	static const char *const known[] = {"secure", "block", "permit", "boot", "observe"};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(mode, known[i]) == 0)
			return known[i];
	return "other";
}

static int mode_compare(const void *a, const void *b)
{
	const struct mode_change *left = *(const struct mode_change *const *)a, *right = *(const struct mode_change *const *)b;
	if (left->time != right->time)
		return left->time < right->time ? -1 : 1;
	return left < right ? -1 : 1;
}

void chart_modes(const struct chart *chart, const struct summary *summary, struct buffer *output)
{
	enum { BAND = 22, DOWN = 8, TALL = BAND + DOWN + BOTTOM };
	uint64_t start = chart->first * HOUR, span = bar_count(chart) * chart->step * HOUR;
	const struct mode_change **sorted = memory_alloc((summary->mode_count + 1) * sizeof(*sorted));
	for (size_t i = 0; i < summary->mode_count; i++)
		sorted[i] = &summary->modes[i];
	qsort(sorted, summary->mode_count, sizeof(*sorted), mode_compare);
	buffer_printf(output, "<div class=scroll><svg viewBox=\"0 0 %d %d\" role=img aria-labelledby=modes-title><title id=modes-title>The mode over time; the table below "
		      "has each change</title>\n<rect class=unknown x=%d y=%d width=%d height=%d><title>not known</title></rect>\n", WIDTH, TALL, LEFT, DOWN, PLOT, BAND);
	for (size_t i = 0; i < summary->mode_count; i++) {
		const struct mode_change *change = sorted[i];
		uint64_t from = change->time > start ? change->time - start : 0;
		uint64_t to = i + 1 < summary->mode_count && sorted[i + 1]->time < start + span ? (sorted[i + 1]->time > start ? sorted[i + 1]->time - start : 0) : span;
		if (change->time == 0 || from >= span || to <= from)
			continue;
		double x = LEFT + PLOT * ((double)from / (double)span), wide = PLOT * ((double)(to - from) / (double)span);
		buffer_printf(output, "<rect class=\"mode %s\" x=%.2f y=%d width=%.2f height=%d><title>", chart_mode_class(change->mode), x, DOWN,
			      wide < 1.5 ? 1.5 : wide, BAND);
		chart_time(change->time, ' ', output);
		buffer_add_text(output, ": ");
		buffer_add_xml(output, change->mode, strlen(change->mode));
		buffer_add_text(output, "</title></rect>\n");
		if (wide > 60) {
			buffer_printf(output, "<text class=inside x=%.1f y=%d>", x + 6, DOWN + BAND - 7);
			buffer_add_xml(output, change->mode, strlen(change->mode) < 12 ? strlen(change->mode) : 12);
			buffer_add_text(output, "</text>\n");
		}
	}
	times_draw(chart, DOWN + BAND, output);
	buffer_add_text(output, "</svg></div>\n");
	free(sorted);
}
