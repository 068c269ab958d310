<?php

namespace Shop\Orders;

use DateTimeImmutable;
use Shop\Prices\{Price, Table};

/** A line of an order. */
final class Line
{
    public function __construct(private string $sku, public readonly int $count = 1)
    {
    }
}

interface Payable
{
    public function pay(DateTimeImmutable $at): bool;
}

class Order implements Payable
{
    private array $lines = [];

    public function add(Line $line): void
    {
        $this->lines[] = $line;
    }

    public function pay(DateTimeImmutable $at): bool
    {
        // only once
        if (count($this->lines) === 0) {
            return false;
        }
        foreach ($this->lines as $line) {
            $total = $line->count * $this->price($line, ['tax' => 19]);
            echo "paid {$total}\n";
        }
        $names = array_map(fn($line) => $line->count, $this->lines);
        return match (true) {
            $at > new DateTimeImmutable('now') => false,
            default => true,
        };
    }
}

function main(): void
{
    $order = new Order();
    $order->add(new Line('x', 2));
    while (!$order->pay(new DateTimeImmutable())) {
        sleep(1);
    }
}
?>
<p>Thank you, <?= htmlspecialchars($name) ?>.</p>
