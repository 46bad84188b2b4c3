# SPDX-License-Identifier: MIT
# In: CANDIDATE BLOCK START OPEN CLOSE WHOLE, in nanoseconds, a line a round. Out: the table.

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

# A quantile of one column over all rounds of a candidate, in microseconds.
function us(who, column, q,    i, v) {
	for (i = 1; i <= rounds[who]; i++)
		v[i] = ns[who, column, i]
	return quantile(v, rounds[who], q) / 1000
}

function block_median(who, block,    i, n, v) {
	for (i = 1; i <= rounds[who]; i++)
		if (of_block[who, i] == block)
			v[++n] = ns[who, 6, i]
	return quantile(v, n, 0.5)
}

# Pair by pair: what disturbs a whole block disturbs both sides of its ratio.
function ratio(who, to,    block, n, v) {
	if (!(to in rounds))
		return "-"
	for (block = 1; block <= blocks; block++)
		v[++n] = block_median(who, block) / block_median(to, block)
	return sprintf("%.2f", quantile(v, n, 0.5))
}

{
	i = ++rounds[$1]
	of_block[$1, i] = $2
	if ($2 > blocks)
		blocks = $2
	for (column = 3; column <= 6; column++)
		ns[$1, column, i] = $column
}

END {
	title["floor"] = "floor (bare kernel calls)"
	title["permit"] = "libpam + pam_permit"
	title["pam_ns"] = "pam_ns"
	title["noinit"] = "pam_namespace noinit"
	title["packaged"] = "pam_namespace packaged"
	printf "%-25s %6s %6s %6s %6s %7s %8s %9s\n", "", "open", "close", "whole", "p90",
		"/floor", "/noinit", "/packaged"
	n = split("floor permit pam_ns noinit packaged", order, " ")
	for (k = 1; k <= n; k++) {
		who = order[k]
		if (!(who in rounds))
			continue
		printf "%-25s %6d %6d %6d %6d %7s %8s %9s\n", title[who], us(who, 4, 0.5), us(who, 5, 0.5),
			us(who, 6, 0.5), us(who, 6, 0.9), ratio(who, "floor"), ratio(who, "noinit"),
			ratio(who, "packaged")
	}
}
