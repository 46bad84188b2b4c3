// SPDX-License-Identifier: MIT
#include <limits.h>
#include <string.h>

#include "keys.h"
#include "plan.h"

#define ROW(key, kind, words_, default_, doc_)     \
	{.name = #key,                             \
	 .type = &pns_type_##kind,                 \
	 .words = words_,                          \
	 .offset = offsetof(struct pns_plan, key), \
	 .fallback = default_,                     \
	 .doc = doc_},

const struct pns_key pns_keys[PNS_KEY_COUNT] = {PNS_KEYS(ROW)};

const struct pns_key *pns_key_find(const char *name, size_t len)
{
	for (int i = 0; i < PNS_KEY_COUNT; i++)
		if (strlen(pns_keys[i].name) == len && memcmp(pns_keys[i].name, name, len) == 0)
			return &pns_keys[i];
	return NULL;
}

const struct pns_key *pns_key_closest(const char *name, size_t len)
{
	const struct pns_key *best = NULL;
	unsigned int least = PNS_TYPO_MAX + 1;

	for (int i = 0; i < PNS_KEY_COUNT; i++) {
		unsigned int d =
			pns_typo_distance(pns_keys[i].name, strlen(pns_keys[i].name), name, len);

		if (d < least) {
			least = d;
			best = &pns_keys[i];
		}
	}
	return best;
}
