/* driver.c - runs a fuzz target without a fuzzer: every file of its corpus, then a bounded
 * number of mutations of them from a fixed seed, so that a run is the same each time.
 *
 * usage: fuzz_X CORPUS-FOLDER [MUTATIONS]. A target that libFuzzer drives needs no main.
 * Anything wrong is a crash, which the sanitizers turn into an exit code. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

#define INPUT_MAX 65536
#define CORPUS_MAX 512
#define DEFAULT_MUTATIONS 20000

static uint8_t *corpus[CORPUS_MAX];
static size_t corpus_bytes[CORPUS_MAX];
static size_t n_corpus;

static uint64_t random_state = 0x9e3779b97f4a7c15u;

/* xorshift64: the same numbers in every run. */
static uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void load_file(const char *folder, const char *name)
{
	char path[4096];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	if (!file || n_corpus == CORPUS_MAX) {
		(void)fprintf(stderr, "cannot take %s\n", path);
		exit(1);
	}
	corpus[n_corpus] = malloc(INPUT_MAX);
	if (!corpus[n_corpus])
		exit(1);
	corpus_bytes[n_corpus] = fread(corpus[n_corpus], 1, INPUT_MAX, file);
	n_corpus++;
	(void)fclose(file);
}

static void load_corpus(const char *folder)
{
	DIR *stream = opendir(folder);
	const struct dirent *entry;

	if (!stream) {
		perror(folder);
		exit(1);
	}
	while ((entry = readdir(stream))) {
		if (entry->d_name[0] != '.')
			load_file(folder, entry->d_name);
	}
	(void)closedir(stream);
}

/* A copy of a corpus file with a few bytes changed, cut, doubled, or spliced with another. */
static size_t mutate(uint8_t *out)
{
	size_t from = next_random() % n_corpus, other = next_random() % n_corpus;
	size_t n = corpus_bytes[from];

	memcpy(out, corpus[from], n);
	for (uint64_t changes = 1 + next_random() % 8; changes > 0 && n > 0; changes--) {
		size_t at = next_random() % n;

		switch (next_random() % 5) {
		case 0:
			out[at] = (uint8_t)next_random();
			break;
		case 1:
			out[at] ^= (uint8_t)(1u << (next_random() % 8));
			break;
		case 2:
			n = at;
			break;
		case 3:
			if (n * 2 <= INPUT_MAX) {
				memcpy(out + n, out, n);
				n *= 2;
			}
			break;
		default:
			if (at + corpus_bytes[other] <= INPUT_MAX) {
				memcpy(out + at, corpus[other], corpus_bytes[other]);
				n = at + corpus_bytes[other];
			}
			break;
		}
	}
	return n;
}

int main(int argc, char **argv)
{
	static uint8_t input[INPUT_MAX];
	long n_mutations = argc > 2 ? atol(argv[2]) : DEFAULT_MUTATIONS;

	if (argc < 2) {
		(void)fprintf(stderr, "usage: %s CORPUS-FOLDER [MUTATIONS]\n", argv[0]);
		return 2;
	}
	load_corpus(argv[1]);
	for (size_t i = 0; i < n_corpus; i++)
		(void)LLVMFuzzerTestOneInput(corpus[i], corpus_bytes[i]);
	for (long i = 0; i < n_mutations && n_corpus > 0; i++)
		(void)LLVMFuzzerTestOneInput(input, mutate(input));
	if (n_corpus == 0)
		return 1;
	(void)printf("ok - %zu files of %s and %ld mutations of them\n", n_corpus, argv[1],
		     n_mutations);
	return 0;
}
