// SPDX-License-Identifier: MIT
/*
 * Linked into the sanitized helper: its environment is empty and its stdio /dev/null, so what a
 * sanitizer has to say goes to a file, and the process ends by a signal. No leak check at exit:
 * it would ptrace the process, which lets nobody do that; memory ends with the helper.
 */
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

#define TO_FILE "log_path=/run/bed/sanitizer:abort_on_error=1:"

const char *__asan_default_options(void)
{
	return TO_FILE "detect_leaks=0:detect_stack_use_after_return=1:strict_string_checks=1";
}

const char *__ubsan_default_options(void)
{
	return TO_FILE "print_stacktrace=1";
}
