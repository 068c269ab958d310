package orders

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Line is a line of an order.
type Line struct {
	SKU   string `json:"sku"`
	Count int    `json:"count"`
}

type Payer interface {
	Pay(total int) error
}

var ErrEmpty = errors.New("no lines")

const limit = 10

// Total is price times count.
func (l Line) Total(prices map[string]int) (int, error) {
	price, ok := prices[l.SKU]
	if !ok {
		return 0, fmt.Errorf("no price for %q", l.SKU)
	}
	return price * l.Count, nil
}

func Load(data []byte) ([]Line, error) {
	var lines []Line
	if err := json.Unmarshal(data, &lines); err != nil {
		return nil, err
	}
	switch {
	case len(lines) == 0:
		return nil, ErrEmpty
	case len(lines) > limit:
		lines = lines[:limit]
	}
	for i := 0; i < len(lines); i++ {
		lines[i].Count++
	}
	go func() { fmt.Println(len(lines)) }()
	return append(lines, Line{SKU: "x", Count: 2}), nil
}
