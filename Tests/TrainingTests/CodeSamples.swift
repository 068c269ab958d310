/// Small pieces of code in every language that is carved, and one with the line ends of another system.
enum CodeSamples {
  /// Name, path and text.
  static let all: [(language: String, path: String, text: String)] = [
    (
      "python", "pkg/store.py",
      #"""
      from collections import OrderedDict

      class Store:
          """Keeps the last values."""

          def __init__(self, limit: int = 16):
              self._values: "OrderedDict[str, float]" = OrderedDict()
              self.limit = limit

          def add(self, name, value):
              if name in self._values and value != value:  # NaN
                  raise ValueError(f"{name!r}: {value:.3f} é ∑ 😀")
              self._values[name] = value
              while len(self._values) > self.limit:
                  self._values.popitem(last=False)
              return sum(v ** 2 for v in self._values.values())

      """#
    ),
    (
      "javascript", "web/src/poll.js",
      #"""
      export async function poll(url, { tries = 3, delay = 250 } = {}) {
        for (let attempt = 0; attempt < tries; attempt++) {
          const answer = await fetch(`${url}?n=${attempt}`);
          if (answer.ok) return answer.json();
          await new Promise((done) => setTimeout(done, delay * 2 ** attempt));
        }
        throw new Error("no answer from " + url);
      }

      """#
    ),
    (
      "typescript", "web/src/events.ts",
      #"""
      type Handler<T> = (value: T) => void;

      export class Events<T extends { kind: string }> {
        private readonly handlers = new Map<string, Handler<T>[]>();

        on(kind: T["kind"], handler: Handler<T>): () => void {
          const list = this.handlers.get(kind) ?? [];
          this.handlers.set(kind, [...list, handler]);
          return () => this.handlers.set(kind, list.filter((one) => one !== handler));
        }
      }

      """#
    ),
    (
      "tsx", "web/src/List.tsx",
      #"""
      export function List({ items }: { items: string[] }) {
        const [open, setOpen] = useState<number | null>(null);
        return (
          <ul className="list">
            {items.map((item, index) => (
              <li key={item} onClick={() => setOpen(open === index ? null : index)}>
                {open === index ? <b>{item}</b> : item.slice(0, 20) + "…"}
              </li>
            ))}
          </ul>
        );
      }

      """#
    ),
    (
      "go", "internal/queue/queue.go",
      #"""
      package queue

      import "sync"

      // Queue is safe for many goroutines.
      type Queue[T any] struct {
      	mu    sync.Mutex
      	items []T
      }

      func (q *Queue[T]) Pop() (item T, ok bool) {
      	q.mu.Lock()
      	defer q.mu.Unlock()
      	if len(q.items) == 0 {
      		return item, false
      	}
      	item, q.items = q.items[0], q.items[1:]
      	return item, true
      }

      """#
    ),
    (
      "rust", "src/grid.rs",
      #"""
      use std::fmt;

      #[derive(Debug, Clone, PartialEq)]
      pub struct Grid<const W: usize> {
          cells: Vec<[u8; W]>,
      }

      impl<const W: usize> fmt::Display for Grid<W> {
          fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
              for row in &self.cells {
                  let line: String = row.iter().map(|&c| if c > 0 { '#' } else { '.' }).collect();
                  writeln!(f, "{line}")?;
              }
              Ok(())
          }
      }

      """#
    ),
    (
      "java", "src/main/java/org/sample/Ring.java",
      #"""
      package org.sample;

      import java.util.Iterator;

      public final class Ring<T> implements Iterable<T> {
          private final T[] items;
          private int next = 0;

          @SuppressWarnings("unchecked")
          public Ring(int size) {
              this.items = (T[]) new Object[size];
          }

          public void add(T item) {
              items[next] = item;
              next = (next + 1) % items.length;
          }

          @Override
          public Iterator<T> iterator() {
              return java.util.Arrays.asList(items).iterator();
          }
      }

      """#
    ),
    (
      "c", "lib/text.c",
      #"""
      #include <stddef.h>
      #include <string.h>

      /* Counts lines, the last one included when it has no end. */
      size_t count_lines(const char *text, size_t size)
      {
      	size_t lines = 0;
      	for (size_t i = 0; i < size; i++)
      		lines += text[i] == '\n';
      	if (size > 0 && text[size - 1] != '\n')
      		lines++;
      	return lines;
      }

      """#
    ),
    (
      "cpp", "lib/pool.hpp",
      #"""
      #pragma once
      #include <memory>
      #include <vector>

      template <typename T>
      class Pool {
       public:
        explicit Pool(std::size_t size) : items_(size) {}

        std::unique_ptr<T> take() {
          if (items_.empty()) return nullptr;
          auto item = std::move(items_.back());
          items_.pop_back();
          return item;
        }

       private:
        std::vector<std::unique_ptr<T>> items_;
      };

      """#
    ),
    (
      "swift", "Sources/App/Meter.swift",
      #"""
      import Foundation

      public struct Meter: Sendable {
        private var ticks: [Duration] = []

        public mutating func tick(_ duration: Duration) {
          ticks.append(duration)
          if ticks.count > 100 { ticks.removeFirst() }
        }

        public var median: Duration? {
          guard !ticks.isEmpty else { return nil }
          return ticks.sorted()[ticks.count / 2]
        }
      }

      """#
    ),
    (
      "kotlin", "app/src/main/kotlin/Cache.kt",
      #"""
      package app

      class Cache<K : Any, V>(private val limit: Int) {
          private val values = LinkedHashMap<K, V>(limit, 0.75f, true)

          fun getOrPut(key: K, make: (K) -> V): V =
              values[key] ?: make(key).also {
                  values[key] = it
                  if (values.size > limit) values.remove(values.keys.first())
              }
      }

      """#
    ),
    (
      "ruby", "lib/report.rb",
      #"""
      require "json"

      module Report
        Row = Struct.new(:name, :value, keyword_init: true)

        def self.render(rows, &block)
          rows.sort_by { |row| -row.value }.each_with_index.map do |row, index|
            line = "#{index + 1}. #{row.name}: #{format('%.2f', row.value)}"
            block ? block.call(line) : line
          end.join("\n")
        end
      end

      """#
    ),
    (
      "php", "src/Router.php",
      #"""
      <?php

      namespace App;

      final class Router
      {
          /** @var array<string, callable> */
          private array $routes = [];

          public function match(string $path, callable $handler): self
          {
              $this->routes['#^' . $path . '$#'] = $handler;
              return $this;
          }

          public function run(string $path): ?string
          {
              foreach ($this->routes as $pattern => $handler) {
                  if (preg_match($pattern, $path, $parts)) {
                      return $handler(...array_slice($parts, 1));
                  }
              }
              return null;
          }
      }

      """#
    ),
    (
      "bash", "scripts/backup.sh",
      #"""
      #!/usr/bin/env bash
      set -euo pipefail

      target=${1:?usage: backup.sh FOLDER}
      stamp=$(date +%Y-%m-%d)
      for file in "$target"/*.db; do
        [[ -f $file ]] || continue
        name=$(basename "$file" .db)
        if ! gzip -c "$file" > "$target/$name-$stamp.gz"; then
          echo "failed: $name" >&2
          exit 1
        fi
      done

      """#
    ),
    (
      "lua", "lua/words.lua",
      #"""
      local M = {}

      --- Counts the words of all lines.
      function M.count(lines)
        local counts = {}
        for _, line in ipairs(lines) do
          for word in line:gmatch("[%w_]+") do
            counts[word] = (counts[word] or 0) + 1
          end
        end
        return counts
      end

      return M

      """#
    ),
    (
      "zig", "src/ring.zig",
      #"""
      const std = @import("std");

      pub fn Ring(comptime T: type, comptime size: usize) type {
          return struct {
              items: [size]T = undefined,
              next: usize = 0,

              pub fn add(self: *@This(), item: T) void {
                  self.items[self.next] = item;
                  self.next = (self.next + 1) % size;
              }
          };
      }

      test "adds" {
          var ring = Ring(u8, 4){};
          ring.add(1);
          try std.testing.expect(ring.next == 1);
      }

      """#
    ),
    (
      "csharp", "Source/Money.cs",
      #"""
      using System;
      using System.Linq;

      namespace Shop;

      public readonly record struct Money(decimal Amount, string Currency)
      {
          public static Money Sum(params Money[] parts)
          {
              var currencies = parts.Select(part => part.Currency).Distinct().ToArray();
              if (currencies.Length != 1) throw new ArgumentException($"mixed: {string.Join(", ", currencies)}");
              return new Money(parts.Sum(part => part.Amount), currencies[0]);
          }
      }

      """#
    ),
    (
      "html", "public/index.html",
      #"""
      <!doctype html>
      <html lang="de">
        <head>
          <title>Übersicht</title>
          <style>
            main > p { margin: 0 auto; }
          </style>
        </head>
        <body>
          <main id="root" data-count="3"><p>Größe &amp; Gewicht</p></main>
          <script>document.querySelector("#root").hidden = false;</script>
        </body>
      </html>

      """#
    ),
    (
      "css", "public/site.css",
      #"""
      :root { --gap: 0.5rem; }

      .card:hover > .title::before {
        content: "→ ";
        margin: calc(var(--gap) * 2) auto 0;
        background: rgb(12 34 56 / 40%) url("data:image/png;base64,AA==") no-repeat;
      }

      @media (max-width: 40em) {
        .card { display: grid; grid-template-columns: 1fr 2fr; }
      }

      """#
    ),
    (
      "json", "config/app.json",
      #"""
      {
        "name": "sample",
        "ports": [8080, 8443],
        "limits": { "memory": "512M", "share": 0.35, "strict": true },
        "labels": { "größe": null, "escaped": "a\\tb\n" }
      }

      """#
    ),
    (
      "python", "src/line_ends.py",
      "def first(a):\r\n\tif a:\r\n\t\treturn a[0]\r\n\r\n\r\ndef last(a): return a[-1]  # '<|fim_middle|><eos><unused0>'\r\n"
    ),
  ]
}
