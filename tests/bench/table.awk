# SPDX-License-Identifier: MIT
# In: the rows wanted, "CANDIDATE | TITLE | RATIO | GOAL", then what bench measured, "CANDIDATE
# BLOCK START OPEN CLOSE WHOLE" in nanoseconds, a line a round. Out: the table.
#   title=TEXT      over the first column
#   column=6        what ratios are of: 4 open, 6 whole (also p90)
#   unit=rate       print rounds a second instead of open, close and whole; goals are at least

function sort(v, n,    i, j, x) {
	for (i = 2; i <= n; i++) {
		x = v[i]
		for (j = i - 1; j > 0 && v[j] > x; j--)
			v[j + 1] = v[j]
		v[j + 1] = x
	}
}

# The value below which the part q of v[1..n] lies.
function quantile(v, n, q) {
	sort(v, n)
	return v[1 + int(q * (n - 1) + 0.5)]
}

# A quantile of one column over all rounds of a candidate, in microseconds; "-" if it has none.
function us(who, col, q,    i, v, x) {
	for (i = 1; i <= rounds[who]; i++)
		v[i] = ns[who, col, i]
	x = quantile(v, rounds[who], q) / 1000
	return x < 0.5 ? "-" : sprintf("%d", x)
}

function block_median(who, block,    i, n, v) {
	for (i = 1; i <= rounds[who]; i++)
		if (of_block[who, i] == block)
			v[++n] = ns[who, column, i]
	return quantile(v, n, 0.5)
}

# Pair by pair: what disturbs a whole block disturbs both sides of its ratio.
function ratio(text,    side, block, n, v) {
	if (split(text, side, "/") != 2 || !(side[1] in rounds) || !(side[2] in rounds))
		return ""
	for (block = 1; block <= blocks; block++)
		v[++n] = block_median(side[1], block) / block_median(side[2], block)
	return quantile(v, n, 0.5)
}

function verdict(x, goal) {
	if (goal == "" || x == "")
		return ""
	return (unit == "rate" ? x >= goal : x <= goal) ? "reached" : "missed"
}

function print_row(k,    r, who) {
	who = name[k]
	if (!(who in rounds)) {
		printf "%-36s %s\n", text[k], "not here"
		return
	}
	r = ratio(of[k])
	if (unit == "rate")
		printf "%-36s %7d", text[k], 1e6 / us(who, 6, 0.5)
	else
		printf "%-36s %7s %7s %7s %7s", text[k], us(who, 4, 0.5), us(who, 5, 0.5),
			us(who, 6, 0.5), us(who, 6, 0.9)
	printf " %7s %7s %s\n", r == "" ? "" : sprintf("%.3f", r), goal[k], verdict(r, goal[k])
}

BEGIN {
	column = 6
}

/\|/ {
	n = split($0, field, / *\| */)
	k = ++rows
	name[k] = field[1]
	text[k] = field[2]
	of[k] = field[3]
	goal[k] = field[4]
	next
}

{
	i = ++rounds[$1]
	of_block[$1, i] = $2
	if ($2 > blocks)
		blocks = $2
	for (col = 3; col <= 6; col++)
		ns[$1, col, i] = $col
}

END {
	if (unit == "rate")
		printf "%-36s %7s %7s %7s\n", title, "a sec.", "ratio", "goal >="
	else
		printf "%-36s %7s %7s %7s %7s %7s %7s\n", title, "open", "close", "whole", "p90", "ratio", "goal <="
	for (k = 1; k <= rows; k++)
		print_row(k)
}
