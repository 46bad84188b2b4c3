// SPDX-License-Identifier: MIT
/* network: a word of the row, or the name of a namespace of `ip netns`. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "keys.h"

/* The number of the word that text is, or -1. */
static int find_word(const char *words, const char *text)
{
	const size_t len = strlen(text);
	int number = 0;

	for (const char *word = words;; word++, number++) {
		const size_t n = strcspn(word, " ");

		if (n == len && memcmp(word, text, n) == 0)
			return number;
		word += n;
		if (!*word)
			return -1;
	}
}

static int network_parse(const struct pns_key *key, const char *label, const char *text,
			 void *value, struct pns_err *err)
{
	struct pns_network network = {.mode = find_word(key->words, text)};

	(void)label;
	if (network.mode < 0) {
		if (!*text || strlen(text) >= sizeof(network.name) || strchr(text, '/') ||
		    strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
			return pns_err_add(
				err, EINVAL,
				"'%.64s' names no network: write loopback, host, off or a "
				"name that ip netns list shows, of at most %d bytes",
				text, PNS_NETNS_SIZE - 1);
		for (const char *p = text; *p; p++)
			if ((unsigned char)*p < ' ' || *p == 0x7f)
				return pns_err_add(err, EINVAL,
						   "a control character in a network's name: write "
						   "a name that ip netns list shows");
		network.mode = PNS_NETWORK_NAMED;
		strcpy(network.name, text);
	}
	*(struct pns_network *)value = network;
	return 0;
}

static int network_check(const struct pns_key *key, const char *label, const char *text,
			 struct pns_err *err)
{
	struct pns_network ignored;

	return network_parse(key, label, text, &ignored, err);
}

static int network_format(const struct pns_key *key, const void *value, size_t item, char *buf,
			  size_t size)
{
	const struct pns_network *network = value;
	const char *word = network->name;
	int n = (int)strlen(word);

	(void)item;
	if (network->mode != PNS_NETWORK_NAMED) {
		word = key->words;
		for (int i = 0; i < network->mode; i++)
			word += strcspn(word, " ") + 1;
		n = (int)strcspn(word, " ");
	}
	n = snprintf(buf, size, "%.*s", n, word);
	return (size_t)n < size ? n : -ENOSPC;
}

const struct pns_type pns_type_network = {.name = "loopback | host | off | name",
					  .check = network_check,
					  .parse = network_parse,
					  .format = network_format};
