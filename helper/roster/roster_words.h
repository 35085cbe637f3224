/* roster_words.h - the syntax of the words in a roster.
 *
 * Each function returns NULL for a good word, else what is wrong with it as the rest of
 * a sentence whose subject is the word: "holds a space". Static text. Pure.
 */
#ifndef DEVVM_ROSTER_ROSTER_WORDS_H
#define DEVVM_ROSTER_ROSTER_WORDS_H

typedef const char *roster_word_fault(const char *word);

roster_word_fault roster_user_fault;	  /* an OS user: str_is_user_name(), not root or nobody */
roster_word_fault roster_group_fault;	  /* a group: the same syntax */
roster_word_fault roster_identity_fault;  /* the local part of what the SSO proxy says */
roster_word_fault roster_k8s_user_fault;  /* the same, and '@' */
roster_word_fault roster_namespace_fault; /* a DNS label, RFC 1123 */
roster_word_fault roster_repo_fault;	  /* a folder and the {repo} of a git URL */
roster_word_fault roster_shell_fault;	  /* an absolute path that fits into passwd(5) */

#endif
