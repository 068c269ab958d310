import { readFile } from "node:fs/promises";
import json from './json.js';

// A line of an order.
export class Line {
  #tags = [];

  constructor(sku, count = 1) {
    this.sku = sku;
    this.count = count;
  }

  total(prices) {
    const price = prices[this.sku] ?? 0;
    if (price < 0) {
      throw new Error(`${this.sku} costs ${price}`);
    }
    return price * this.count;
  }
}

export async function load(path, { strict = true } = {}) {
  const text = await readFile(path, "utf8");
  const lines = json.parse(text).map((entry) => new Line(entry.sku, entry.count));
  switch (lines.length) {
    case 0:
      return [];
    default:
      break;
  }
  while (lines.length > 3) lines.pop();
  return strict ? lines.filter((line) => line.count > 0) : lines;
}

const first = async () => {
  const [line] = await load("orders.json");
  return { sku: line.sku, tags: ["a", "b"] };
};
