package asl

import (
	"context"
	"fmt"
)

// attemptQuery does a state that speaks JSONata once.
func (v *visit) attemptQuery(ctx context.Context) (any, string, error) {
	s, q, around := v.state, v.state.queries, v.context()
	states := map[string]any{"input": v.input, "context": around.object}
	e := evaluation{states, around}
	next, output, assign := s.next, q.output, q.assign
	result := v.input
	var err error
	switch s.kind {
	case "Choice":
		var chosen *rule
		if chosen, err = s.match(e); err == nil && chosen != nil {
			next, assign = chosen.next, chosen.assignQuery
			if chosen.output != nil {
				output = chosen.output
			}
		} else if next = s.defaultChoice; err == nil && next == "" {
			err = Fail(ErrorNoChoiceMatched, "")
		}
	case "Wait":
		err = v.waitQuery(ctx, e)
	case "Fail":
		err = e.fail(q)
	case "Task", "Parallel", "Map":
		if result, err = v.work(ctx, e); err == nil {
			states["result"] = result
		}
	}
	if err != nil {
		return nil, "", err
	}
	out, err := e.transform(output, result, "Output")
	if err != nil {
		return nil, "", err
	}
	return out, next, e.assign(assign)
}

// evaluation is what the expressions of one attempt can see.
type evaluation struct {
	states map[string]any
	around surroundings
}

// transform computes a field, or gives what stands for an absent one.
func (e evaluation) transform(q *query, absent any, field string) (any, error) {
	if q == nil {
		return absent, nil
	}
	return q.eval(e.states, e.around, field)
}

// assign sets variables; all their expressions see the values of before.
func (e evaluation) assign(q *query) error {
	if q == nil {
		return nil
	}
	values, err := q.eval(e.states, e.around, "Assign")
	if err != nil {
		return err
	}
	return e.around.variables.assign(values)
}

// work does a Task, Parallel or Map.
func (v *visit) work(ctx context.Context, e evaluation) (any, error) {
	q := v.state.queries
	arguments, err := e.transform(q.arguments, v.input, "Arguments")
	if err != nil {
		return nil, err
	}
	switch v.state.kind {
	case "Parallel":
		return v.parallel(ctx, arguments)
	case "Map":
		items, err := e.transform(q.items, v.input, "Items")
		if err != nil {
			return nil, err
		}
		limit, err := e.number(q.atOnce, 0, "MaxConcurrency")
		if err != nil {
			return nil, err
		}
		list, ok := items.([]any)
		if !ok {
			return nil, Fail(ErrorQueryEvaluation, "The JSONata expression of the field 'Items' must return an array.")
		}
		return v.mapItems(ctx, list, limit, func(item map[string]any) (any, error) {
			if q.itemSelector == nil {
				return clone(item["Value"]), nil
			}
			inner := v.context()
			inner.object["Map"] = map[string]any{"Item": item}
			return q.itemSelector.eval(map[string]any{"input": v.input, "context": inner.object}, inner, "ItemSelector")
		})
	}
	limit, err := e.number(q.timeoutSeconds, 1, "TimeoutSeconds")
	if err != nil {
		return nil, err
	}
	heartbeat, err := e.number(q.heartbeatSecond, 1, "HeartbeatSeconds")
	if err != nil {
		return nil, err
	}
	return v.perform(ctx, arguments, limit, heartbeat)
}

// number computes a whole number of at least low; 0 for an absent field.
func (e evaluation) number(q *query, low float64, field string) (float64, error) {
	if q == nil {
		return 0, nil
	}
	value, err := q.eval(e.states, e.around, field)
	if err != nil {
		return 0, err
	}
	n, ok := float(value)
	if !ok || n < low || n > forever || n != float64(int64(n)) {
		return 0, Fail(ErrorQueryEvaluation, fmt.Sprintf("The field '%s' must be a whole number of at least %.0f and is %s", field, low, cut(Encode(value), 1024)))
	}
	return n, nil
}

// text computes a text; empty for an absent field.
func (e evaluation) text(q *query, field string) (string, error) {
	value, err := e.transform(q, "", field)
	if err != nil {
		return "", err
	}
	s, ok := value.(string)
	if !ok {
		return "", Fail(ErrorQueryEvaluation, fmt.Sprintf("The field '%s' must be a string and is %s", field, cut(Encode(value), 1024)))
	}
	return s, nil
}

func (e evaluation) fail(q *queries) error {
	name, err := e.text(q.errorName, "Error")
	if err != nil {
		return err
	}
	cause, err := e.text(q.cause, "Cause")
	if err != nil {
		return err
	}
	f := Fail(name, cause)
	f.placed = true
	return f
}

// match returns the first rule whose condition holds, or nil.
func (s *state) match(e evaluation) (*rule, error) {
	for i := range s.choices {
		value, err := e.transform(s.choices[i].condition, false, fmt.Sprintf("Choices[%d]/Condition", i))
		if err != nil {
			return nil, err
		}
		holds, ok := value.(bool)
		if !ok {
			return nil, Fail(ErrorQueryEvaluation, fmt.Sprintf("The field 'Choices[%d]/Condition' must be a boolean and is %s", i, cut(Encode(value), 1024)))
		}
		if holds {
			return &s.choices[i], nil
		}
	}
	return nil, nil
}

// waitQuery waits for a number of seconds or until a time.
func (v *visit) waitQuery(ctx context.Context, e evaluation) error {
	q := v.state.queries
	until := v.entered
	if q.timestamp != nil {
		text, err := e.text(q.timestamp, "Timestamp")
		if err != nil {
			return err
		}
		t, ok := timestamp(text)
		if !ok {
			return Fail(ErrorQueryEvaluation, fmt.Sprintf("The field 'Timestamp' is no ISO-8601 extended offset date-time: %s", text))
		}
		until = t
	} else {
		n, err := e.number(q.seconds, 0, "Seconds")
		if err != nil {
			return err
		}
		until = until.Add(seconds(n))
	}
	return v.sleepUntil(ctx, until)
}

// catchQuery is what a catcher of JSONata makes of an error.
func (v *visit) catchQuery(c *catcher, said map[string]any) (any, error) {
	around := v.context()
	e := evaluation{map[string]any{"input": v.input, "context": around.object, "errorOutput": said}, around}
	out, err := e.transform(c.output, said, "Catch/Output")
	if err != nil {
		return nil, err
	}
	return out, e.assign(c.assignQuery)
}
