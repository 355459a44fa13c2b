#include "logparse/audit/page.h"

#include <string.h>

#include "logparse/audit/chart.h"
#include "logparse/text.h"

static const char style[] =
	":root{color-scheme:light dark;--back:#fff;--fore:#1c2430;--soft:#5c6877;--line:#dfe4ea;--panel:#f5f7f9;--bar:#3b73b9;--tint:#d5e3f4;"
	"--bad:#b3261e;--good:#2c7a4b;--warn:#9a6700;--secure:#2c7a4b;--block:#4a5361;--permit:#b3261e;--boot:#b58105;--observe:#7a4fb5;--other:#808893}\n"
	"@media(prefers-color-scheme:dark){:root{--back:#12161c;--fore:#e4e9ef;--soft:#9aa7b5;--line:#2d3642;--panel:#1a2028;--bar:#6ea3e6;--tint:#22364f;"
	"--bad:#ff8a80;--good:#6fd196;--warn:#e3b341;--secure:#3f9a63;--block:#7d8896;--permit:#d9534a;--boot:#c99a2c;--observe:#9b79d0;--other:#6b7480}}\n"
	"*{box-sizing:border-box}body{margin:0 auto;max-width:72rem;padding:2rem 1.25rem 4rem;background:var(--back);color:var(--fore);"
	"font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Liberation Sans\",sans-serif}\n"
	"h1{font-size:1.6rem;line-height:1.2;margin:0 0 .25rem}h2{font-size:1.15rem;margin:2.5rem 0 .75rem;padding-top:1rem;border-top:1px solid var(--line)}"
	"h3{font-size:.95rem;margin:1rem 0 .35rem}p{margin:.4rem 0}.soft,caption,.label{color:var(--soft)}\n"
	".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.4rem,1fr));gap:.75rem;margin:1.25rem 0 0;padding:0}"
	".cards div{background:var(--panel);border:1px solid var(--line);border-radius:.5rem;padding:.7rem .9rem}.cards dt{color:var(--soft);font-size:.85rem}"
	".cards dd{margin:0;font-size:1.3rem;font-variant-numeric:tabular-nums;font-weight:600}.bad{color:var(--bad)}.good{color:var(--good)}.warn{color:var(--warn)}\n"
	"table{border-collapse:collapse;width:100%;font-size:.9rem}caption{text-align:left;padding:.2rem 0 .4rem}th,td{text-align:left;padding:.3rem .6rem;"
	"border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}th{font-weight:600;color:var(--soft);white-space:nowrap}"
	"td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;overflow-wrap:normal}td.t{white-space:nowrap}\n"
	".two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,28rem),1fr));gap:0 2.5rem}.two>section{min-width:0}\n"
	"td.share{width:28%;min-width:5rem}td.share i{display:block;height:.7rem;margin-top:.35rem;background:var(--bar);border-radius:2px;min-width:2px}\n"
	".scroll{overflow-x:auto}code{font:.85em/1.4 ui-monospace,\"Liberation Mono\",monospace}details{margin:.5rem 0}summary{cursor:pointer;color:var(--soft)}\n"
	"svg{display:block;width:100%;min-width:40rem;height:auto;margin:.25rem 0}svg .grid{stroke:var(--line);stroke-width:1}svg .bar{fill:var(--bar)}"
	"svg text{font:12px system-ui,\"Liberation Sans\",sans-serif;fill:var(--soft)}svg text.inside{fill:#fff;font-weight:600}svg .unknown{fill:var(--panel);stroke:var(--line)}\n"
	".secure{fill:var(--secure);background:var(--secure)}.block{fill:var(--block);background:var(--block)}.permit{fill:var(--permit);background:var(--permit)}"
	".boot{fill:var(--boot);background:var(--boot)}.observe{fill:var(--observe);background:var(--observe)}.other{fill:var(--other);background:var(--other)}"
	"b.dot{display:inline-block;width:.7rem;height:.7rem;border-radius:2px;margin-right:.45rem}\n"
	"@media print{body{max-width:none;padding:0}details>*{display:block}}\n";

static void text_add(const char *text, struct buffer *output)
{
	buffer_add_xml(output, text, strlen(text));
}

static void cell_number(uint64_t number, struct buffer *output)
{
	buffer_add_text(output, "<td class=n>");
	chart_number(number, output);
	buffer_add_text(output, "</td>");
}

static void cell_text(const char *text, struct buffer *output)
{
	buffer_add_text(output, "<td>");
	text_add(text, output);
	buffer_add_text(output, "</td>");
}

static void cell_time(uint64_t time, struct buffer *output)
{
	buffer_add_text(output, "<td class=t>");
	if (time > 0)
		chart_time(time, ' ', output);
	else
		buffer_add_text(output, "not known");
	buffer_add_text(output, "</td>");
}

static void table_begin(const char *caption, const char *heads, struct buffer *output)
{
	buffer_printf(output, "<div class=scroll><table><caption>%s</caption><thead><tr>%s</tr></thead><tbody>\n", caption, heads);
}

static void table_end(struct buffer *output)
{
	buffer_add_text(output, "</tbody></table></div>\n");
}

static void more_print(uint64_t more, const char *what, struct buffer *output)
{
	if (more == 0)
		return;
	buffer_add_text(output, "<p class=soft>And ");
	chart_number(more, output);
	buffer_printf(output, " more %s.</p>\n", what);
}

/* --- The head --- */

static void inputs_print(const struct page *page, struct buffer *output)
{
	enum { SHOWN = 8 };
	for (size_t i = 0; i < page->input_count && i < SHOWN; i++) {
		buffer_add_text(output, i > 0 ? ", <code>" : "<code>");
		text_add(page->inputs[i], output);
		buffer_add_text(output, "</code>");
	}
	if (page->input_count > SHOWN)
		buffer_printf(output, " and %zu more", page->input_count - SHOWN);
}

static void card_print(const char *name, uint64_t number, const char *class, struct buffer *output)
{
	buffer_printf(output, "<div><dt>%s</dt><dd class=%s>", name, number > 0 ? class : "none");
	chart_number(number, output);
	buffer_add_text(output, "</dd></div>\n");
}

static void head_print(const struct page *page, struct buffer *output)
{
	const struct summary *summary = page->summary;
	buffer_printf(output, "<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport content=\"width=device-width,initial-scale=1\">"
		      "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">"
		      "<meta name=referrer content=no-referrer><title>Dropped packets</title><style>\n%s</style></head><body>\n<header><h1>Dropped packets</h1>\n<p class=soft>", style);
	inputs_print(page, output);
	if (summary->first > 0) {
		buffer_add_text(output, "<br>");
		chart_time(summary->first, ' ', output);
		buffer_add_text(output, " to ");
		chart_time(summary->last, ' ', output);
		buffer_add_text(output, " UTC");
	}
	buffer_add_text(output, "</p></header>\n<main>\n<dl class=cards>\n");
	card_print("Packets dropped", summary->drops, "none", output);
	card_print("Let through", summary->permits, "none", output);
	if (page->policy != NULL) {
		card_print("Expected", summary->results[REPLAY_EXPECTED], "good", output);
		card_print("Unexpected", summary->results[REPLAY_UNEXPECTED], "bad", output);
		card_print("Unexplained", summary->results[REPLAY_UNEXPLAINED], "warn", output);
	}
	card_print("Records read", page->counts.read, "none", output);
	card_print("Records lost", page->counts.unreadable, "bad", output);
	buffer_add_text(output, "</dl>\n");
}

/* --- Over time --- */

static void hours_print(const struct chart *chart, struct buffer *output)
{
	enum { SHOWN = 2000 };
	buffer_add_text(output, "<details><summary>The numbers, by hour</summary>\n");
	table_begin("Packets dropped in each hour that has any; times are UTC", "<th scope=col>Hour</th><th scope=col class=n>Packets</th>", output);
	for (size_t i = 0; i < chart->count && i < SHOWN; i++) {
		buffer_add_text(output, "<tr>");
		cell_time(chart->hours[i].hour * UINT64_C(36000000000), output);
		cell_number(chart->hours[i].count, output);
		buffer_add_text(output, "</tr>\n");
	}
	table_end(output);
	more_print(chart->count > SHOWN ? chart->count - SHOWN : 0, "hours", output);
	buffer_add_text(output, "</details>\n");
}

static void modes_print(const struct chart *chart, const struct summary *summary, struct buffer *output)
{
	buffer_add_text(output, "<section><h2>Modes</h2>\n");
	if (summary->mode_count == 0) {
		buffer_add_text(output, "<p>No change of the mode is in these logs.</p></section>\n");
		return;
	}
	if (!chart->empty)
		chart_modes(chart, summary, output);
	table_begin("Each change of the mode, in the order of the logs; times are UTC",
		    "<th scope=col>Time</th><th scope=col>Mode</th><th scope=col>Why</th><th scope=col>Computer</th>", output);
	for (size_t i = 0; i < summary->mode_count; i++) {
		const struct mode_change *change = &summary->modes[i];
		buffer_add_text(output, "<tr>");
		cell_time(change->time, output);
		buffer_printf(output, "<td class=t><b class=\"dot %s\"></b>", chart_mode_class(change->mode));
		text_add(change->mode, output);
		buffer_add_text(output, "</td>");
		cell_text(change->why, output);
		cell_text(change->computer, output);
		buffer_add_text(output, "</tr>\n");
	}
	table_end(output);
	more_print(summary->modes_more, "changes", output);
	buffer_add_text(output, "</section>\n");
}

static void time_print(const struct page *page, struct buffer *output)
{
	struct chart chart;
	chart_init(&chart, page->summary);
	buffer_add_text(output, "<section><h2>Drops over time</h2>\n");
	if (chart.empty) {
		buffer_add_text(output, "<p>No drop whose time is known is in these logs.</p>\n");
	} else {
		buffer_add_text(output, "<p class=soft>Packets in each ");
		chart_step_print(chart.step, output);
		buffer_add_text(output, ", UTC</p>\n");
		chart_drops(&chart, output);
		if (chart.outside > 0) {
			buffer_add_text(output, "<p class=soft>");
			chart_number(chart.outside, output);
			buffer_add_text(output, " packets are not drawn: their times are far from all others.</p>\n");
		}
		hours_print(&chart, output);
	}
	if (page->summary->timeless > 0) {
		buffer_add_text(output, "<p class=soft>The time of ");
		chart_number(page->summary->timeless, output);
		buffer_add_text(output, " packets is not known.</p>\n");
	}
	buffer_add_text(output, "</section>\n");
	modes_print(&chart, page->summary, output);
	chart_done(&chart);
}

/* --- Who and what --- */

static void top_print(const char *title, const char *column, struct tally *tally, uint64_t all, struct buffer *output)
{
	enum { SHOWN = 15 };
	size_t count;
	const struct tallied *rows = tally_sorted(tally, &count);
	buffer_printf(output, "<section><h3>%s</h3>\n", title);
	buffer_printf(output, "<div class=scroll><table><thead><tr><th scope=col>%s</th><th scope=col class=n>Packets</th><th scope=col class=n>Share</th>"
		      "<th scope=col aria-hidden=true></th></tr></thead><tbody>\n", column);
	for (size_t i = 0; i < count && i < SHOWN; i++) {
		double share = all > 0 ? 100.0 * (double)rows[i].count / (double)all : 0;
		double length = rows[0].count > 0 ? 100.0 * (double)rows[i].count / (double)rows[0].count : 0;
		buffer_add_text(output, "<tr><td>");
		buffer_add_xml(output, rows[i].key.at, cursor_left(&rows[i].key));
		buffer_add_text(output, "</td>");
		cell_number(rows[i].count, output);
		buffer_printf(output, "<td class=n>%s%.1f %%</td><td class=share aria-hidden=true><i style=\"width:%.1f%%\"></i></td></tr>\n",
			      share > 0 && share < 0.05 ? "&lt; " : "", share > 0 && share < 0.05 ? 0.1 : share, length);
	}
	table_end(output);
	more_print(count > SHOWN ? count - SHOWN : 0, "of them", output);
	buffer_add_text(output, "</section>\n");
}

static void tops_print(const struct page *page, struct buffer *output)
{
	struct summary *summary = page->summary;
	if (summary->drops == 0)
		return;
	buffer_add_text(output, "<section><h2>What was dropped</h2>\n<div class=two>\n");
	top_print("Sources", "Address", summary->sources, summary->drops, output);
	top_print("Destinations", "Address", summary->destinations, summary->drops, output);
	top_print("Destination ports", "Protocol and port", summary->ports, summary->drops, output);
	top_print("Filters", "Policy / rule / filter list", summary->filters, summary->drops, output);
	buffer_add_text(output, "</div>\n");
	if (summary->unkept > 0) {
		buffer_add_text(output, "<p class=soft>The tables keep 200,000 different values; ");
		chart_number(summary->unkept, output);
		buffer_add_text(output, " packets had others besides.</p>\n");
	}
	if (summary->capped > 0) {
		buffer_add_text(output, "<p class=soft>Of the records, ");
		chart_number(summary->capped, output);
		buffer_add_text(output, " claim more than 1,073,741,824 packets each; they count as so many.</p>\n");
	}
	buffer_add_text(output, "</section>\n");
}

/* --- Whether it was meant --- */

static void case_row(const struct audit_case *item, struct buffer *output)
{
	buffer_add_text(output, "<tr>");
	cell_number(item->count, output);
	buffer_printf(output, "<td class=t>%s</td>", item->done);
	const char *const words[] = {item->src, item->dst, item->port};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		buffer_printf(output, "<td class=t>%s</td>", words[i]);
	buffer_printf(output, "<td>%s: ", item->verdict);
	if (item->filter > 0) {
		text_add(item->policy, output);
		buffer_add_text(output, " / ");
		text_add(item->rule, output);
		buffer_add_text(output, " / ");
		text_add(item->list, output);
		buffer_printf(output, " #%u", item->filter);
	} else if (item->rule[0] != '-') {
		buffer_add_text(output, "exemption ");
		text_add(item->rule, output);
	} else {
		buffer_add_text(output, "no filter matches");
	}
	buffer_add_text(output, "<br><code class=soft>");
	text_add(item->packet, output);
	buffer_add_text(output, "</code></td>");
	cell_time(item->first, output);
	cell_time(item->last, output);
	buffer_add_text(output, "</tr>\n");
}

static void whys_print(struct summary *summary, struct buffer *output)
{
	size_t count;
	const struct tallied *rows = tally_sorted(summary->whys, &count);
	if (count == 0)
		return;
	buffer_add_text(output, "<h3>Unexplained</h3>\n");
	table_begin("What these records lack, so that they cannot be judged", "<th scope=col class=n>Packets</th><th scope=col>Lacks</th>", output);
	for (size_t i = 0; i < count; i++) {
		buffer_add_text(output, "<tr>");
		cell_number(rows[i].count, output);
		buffer_add_text(output, "<td>");
		buffer_add_xml(output, rows[i].key.at, cursor_left(&rows[i].key));
		buffer_add_text(output, "</td></tr>\n");
	}
	table_end(output);
}

static void judged_print(const struct page *page, struct buffer *output)
{
	enum { SHOWN = 200 };
	struct summary *summary = page->summary;
	size_t count;
	buffer_add_text(output, "<section><h2>Was it meant?</h2>\n");
	if (page->policy == NULL) {
		buffer_add_text(output, "<p>Not judged by a policy: ");
		text_add(page->unjudged, output);
		buffer_add_text(output, ".</p></section>\n");
		return;
	}
	buffer_add_text(output, "<p class=soft>Each packet judged by ");
	text_add(page->policy, output);
	buffer_add_text(output, ".</p>\n");
	const struct audit_case *cases = cases_sorted(summary->unexpected, &count);
	if (count == 0)
		buffer_add_text(output, "<p>Nothing was unexpected: what was dropped, the policy blocks, and what was let through, it permits.</p>\n");
	if (count > 0) {
		table_begin("Dropped though the policy permits it, or let through though it blocks it; times are UTC",
			    "<th scope=col class=n>Packets</th><th scope=col>Were</th><th scope=col>Source</th><th scope=col>Destination</th><th scope=col>Port</th>"
			    "<th scope=col>The policy says</th><th scope=col>First</th><th scope=col>Last</th>", output);
		for (size_t i = 0; i < count && i < SHOWN; i++)
			case_row(&cases[i], output);
		table_end(output);
		more_print(count > SHOWN ? count - SHOWN : 0, "kinds (cordon replay prints each packet)", output);
	}
	whys_print(summary, output);
	buffer_add_text(output, "</section>\n");
}

/* --- What was lost --- */

static void count_row(const char *what, uint64_t count, struct buffer *output)
{
	buffer_printf(output, "<tr><td>%s</td>", what);
	cell_number(count, output);
	buffer_add_text(output, "</tr>\n");
}

static void damages_print(const struct page *page, struct buffer *output)
{
	if (page->damage_count == 0)
		return;
	table_begin("Where something was wrong with a log", "<th scope=col>File</th><th scope=col class=n>Offset or line</th><th scope=col class=n>Record</th>"
		    "<th scope=col>What</th>", output);
	for (size_t i = 0; i < page->damage_count; i++) {
		const struct page_damage *damage = &page->damages[i];
		buffer_add_text(output, "<tr>");
		cell_text(damage->file, output);
		cell_number(damage->offset, output);
		if (damage->number > 0)
			cell_number(damage->number, output);
		else
			buffer_add_text(output, "<td class=n>-</td>");
		buffer_add_text(output, damage->lost ? "<td>lost: " : "<td>");
		text_add(damage->text, output);
		buffer_add_text(output, "</td></tr>\n");
	}
	table_end(output);
	more_print(page->damages_more, "(cordon log -v lists each)", output);
}

static void lost_print(const struct page *page, struct buffer *output)
{
	buffer_add_text(output, "<section><h2>What was read</h2>\n");
	table_begin("Records of the logs", "<th scope=col>Records</th><th scope=col class=n>Number</th>", output);
	count_row("read", page->counts.read, output);
	count_row("of these, about packets or IPsec", page->summary->records, output);
	count_row("of these, recovered: of an earlier life of the file, or carved", page->counts.recovered, output);
	count_row("that are there twice, and count once", page->counts.duplicates, output);
	count_row("that could not be read", page->counts.unreadable, output);
	count_row("left out by what was asked for", page->counts.filtered, output);
	count_row("logs that could not be read at all", page->failed, output);
	count_row("packets that the kernel dropped and could not tell of", page->summary->lost, output);
	table_end(output);
	damages_print(page, output);
	buffer_add_text(output, "</section>\n");
}

void page_print(const struct page *page, struct buffer *output)
{
	head_print(page, output);
	time_print(page, output);
	tops_print(page, output);
	judged_print(page, output);
	lost_print(page, output);
	buffer_add_text(output, "</main>\n<footer><p class=soft>Made by Cordon, ");
	chart_time(page->made, ' ', output);
	buffer_add_text(output, " UTC. This page holds all that it shows; it loads nothing.</p></footer>\n</body></html>\n");
}
