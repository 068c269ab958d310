using System;
using System.Collections.Generic;

namespace Shop.Orders
{
    /// <summary>A line of an order.</summary>
    public record Line(string Sku, int Count = 1);

    public enum State { Open, Paid, Sent }

    public interface IPayable
    {
        bool Pay(DateTime at);
    }

    [Serializable]
    public class Order : IPayable
    {
        private readonly List<Line> lines = new();

        public State State { get; private set; } = State.Open;

        public Order(IEnumerable<Line> lines)
        {
            this.lines.AddRange(lines);
        }

        public int Total(Dictionary<string, int> prices)
        {
            var sum = 0;
            foreach (var line in lines)
            {
                sum += prices[line.Sku] * line.Count;
            }
            return Math.Max(sum, 0);
        }

        public bool Pay(DateTime at)
        {
            // only once
            if (State != State.Open)
            {
                return false;
            }
            State = lines.Count switch
            {
                0 => State.Sent,
                _ => State.Paid,
            };
            var names = new[] { "a", "b" };
            lines.ForEach(line => Console.WriteLine($"{line.Sku} at {at}"));
            while (names.Length > 4) break;
            return at > DateTime.Now ? true : false;
        }
    }
}
