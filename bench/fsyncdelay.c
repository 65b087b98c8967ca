/* SPDX-License-Identifier: Apache-2.0
 *
 * Adds a delay to fsync and fdatasync, as an SSD without power-loss protection has it: LD_PRELOAD this library.
 * ENTENTE_FSYNC_DELAY_US sets the delay (default 1000). The real call is made as well. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void wait_for_platter(void) {
  const char* text = getenv("ENTENTE_FSYNC_DELAY_US");
  const long us = text ? atol(text) : 1000;
  struct timespec t = {us / 1000000, (us % 1000000) * 1000};
  nanosleep(&t, NULL);
}

static int (*next(const char* name))(int) {
  int (*f)(int) = NULL;
  *(void**)(&f) = dlsym(RTLD_NEXT, name);
  return f;
}

int fsync(int fd) {
  static int (*real)(int);
  if (!real) real = next("fsync");
  wait_for_platter();
  return real(fd);
}

int fdatasync(int fd) {
  static int (*real)(int);
  if (!real) real = next("fdatasync");
  wait_for_platter();
  return real(fd);
}
