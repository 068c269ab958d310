package shop.orders

import java.time.Instant
import kotlin.math.max

/** A line of an order. */
data class Line(val sku: String, val count: Int = 1)

enum class State { OPEN, PAID, SENT }

class Order(private val lines: List<Line>) {
    var state: State = State.OPEN
    val names = listOf("a", "b")

    fun total(prices: Map<String, Int>): Int {
        var sum = 0
        for (line in lines) {
            sum += (prices[line.sku] ?: 0) * line.count
        }
        return max(sum, 0)
    }

    fun pay(at: Instant): Boolean {
        // only once
        if (state != State.OPEN) {
            return false
        }
        state = when {
            lines.isEmpty() -> State.SENT
            else -> State.PAID
        }
        lines.forEach { println("${it.sku} at $at") }
        return true
    }
}

fun main() {
    val order = Order(listOf(Line("x", 2)))
    while (order.state == State.OPEN) order.pay(Instant.now())
}
