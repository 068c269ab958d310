#include <stdio.h>
#include <string.h>

#define LIMIT 10

/* A line of an order. */
struct line {
  char sku[16];
  int count;
};

enum state { OPEN, PAID };

typedef int (*price_of)(const char *sku);

static const int limits[] = {1, 2, 3};

static int total(const struct line *lines, int count, price_of price) {
  int sum = 0;
  for (int i = 0; i < count; i++) {
    sum += price(lines[i].sku) * lines[i].count;
  }
  // never negative
  if (sum < 0) {
    return 0;
  }
  return sum > limits[2] ? sum : limits[2];
}

int main(int argc, char **argv) {
  struct line line = {.sku = "x", .count = 2};
  enum state state = OPEN;
  while (state == OPEN) {
    printf("%s %d\n", line.sku, total(&line, 1, NULL));
    state = PAID;
  }
  switch (argc) {
  case 1:
    return (int)strlen(argv[0]);
  default:
    break;
  }
  return 0;
}
