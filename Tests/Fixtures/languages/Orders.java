package shop.orders;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** An order. */
public class Orders {
    private final List<Line> lines = new ArrayList<>();

    public record Line(String sku, int count) {}

    enum State { OPEN, PAID }

    interface Payable {
        boolean pay(int total);
    }

    private State state = State.OPEN;

    public Orders(List<Line> lines) {
        this.lines.addAll(lines);
    }

    public int total(Map<String, Integer> prices) {
        int sum = 0;
        for (Line line : lines) {
            sum += prices.getOrDefault(line.sku(), 0) * line.count();
        }
        return Math.max(sum, 0);
    }

    public boolean pay() {
        // only once
        if (state != State.OPEN) {
            return false;
        }
        int[] limits = {1, 2, 3};
        lines.forEach(line -> System.out.println("paid " + line.sku()));
        while (limits.length > 4) {
            break;
        }
        state = State.PAID;
        return lines.size() > limits[0] ? true : false;
    }
}
