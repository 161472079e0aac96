package asl

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"time"

	"github.com/blues/jsonata-go"
	"github.com/blues/jsonata-go/jparse"
	"github.com/blues/jsonata-go/jtypes"
)

// ErrorQueryEvaluation is how a JSONata expression fails (Developer Guide, "Handling errors in Step Functions workflows").
const ErrorQueryEvaluation = "States.QueryEvaluationError"

// query is a field of a state that speaks JSONata: JSON in which texts of the form "{% expression %}" are expressions.
// Source: Developer Guide, "Transforming data with JSONata in Step Functions".
type query struct {
	fields map[string]*query
	items  []*query
	text   string // the expression
	value  any    // of a literal
	kind   byte   // 'o' object, 'l' list, 'e' expression, 'v' literal
}

// parseQuery reads a field. problem is told of every bad expression with its place.
func parseQuery(v any, at string, problem func(at, message string)) *query {
	switch v := v.(type) {
	case map[string]any:
		q := &query{kind: 'o', fields: map[string]*query{}}
		for k, e := range v {
			q.fields[k] = parseQuery(e, at+"/"+k, problem)
		}
		return q
	case []any:
		q := &query{kind: 'l'}
		for i, e := range v {
			q.items = append(q.items, parseQuery(e, fmt.Sprintf("%s[%d]", at, i), problem))
		}
		return q
	case string:
		inner, begins := strings.CutPrefix(v, "{%")
		inner, ends := strings.CutSuffix(inner, "%}")
		switch {
		case begins && ends:
			q := &query{kind: 'e', text: strings.TrimSpace(inner)}
			if err := checkExpression(q.text); err != nil {
				problem(at, "Invalid JSONata expression: "+err.Error())
			}
			return q
		case begins:
			problem(at, "A JSONata expression must end in %}")
		}
	}
	return &query{kind: 'v', value: v}
}

// checkExpression refuses what is no JSONata, and functions that call functions of the expression's own: nothing could
// end one that calls itself for ever.
func checkExpression(text string) error {
	root, err := jparse.Parse(text)
	if err != nil {
		return err
	}
	return checkNode(reflect.ValueOf(root), false)
}

// checkNode looks for calls inside of function bodies, whatever the nodes between are.
func checkNode(v reflect.Value, inFunction bool) error {
	if !v.IsValid() {
		return nil
	}
	if v.CanInterface() {
		switch n := v.Interface().(type) {
		case *jparse.LambdaNode:
			inFunction = inFunction || n != nil
		case *jparse.FunctionCallNode:
			callee, named := n.Func.(*jparse.VariableNode)
			if inFunction && (!named || !builtIn[callee.Name]) {
				return errors.New("functions that call others of the expression's own are not run here")
			}
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return checkNode(v.Elem(), inFunction)
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() && !v.Type().Field(i).Anonymous {
				continue
			}
			if err := checkNode(v.Field(i), inFunction); err != nil {
				return err
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := checkNode(v.Index(i), inFunction); err != nil {
				return err
			}
		}
	}
	return nil
}

// builtIn are JSONata's functions and those that Step Functions adds.
//
//nolint:gochecknoglobals // a constant
var builtIn = func() map[string]bool {
	names := map[string]bool{}
	for _, name := range strings.Fields("string length substring substringBefore substringAfter uppercase lowercase trim pad contains split " +
		"join match replace eval base64encode base64decode encodeUrlComponent encodeUrl decodeUrlComponent decodeUrl number abs floor ceil " +
		"round power sqrt random formatNumber formatBase formatInteger parseInteger sum max min average boolean not exists count append sort " +
		"reverse shuffle distinct zip keys lookup spread merge sift each error assert type now millis fromMillis toMillis map filter single " +
		"reduce partition range hash uuid parse") {
		names[name] = true
	}
	return names
}()

// eval computes the field; its place is for an error's text. An expression without a result is an error.
func (q *query) eval(states map[string]any, around surroundings, field string) (any, error) {
	switch q.kind {
	case 'o':
		out := make(map[string]any, len(q.fields))
		for _, k := range sortedKeys(q.fields) {
			v, err := q.fields[k].eval(states, around, field+"/"+k)
			if err != nil {
				return nil, err
			}
			out[k] = v
		}
		return out, nil
	case 'l':
		out := make([]any, 0, len(q.items))
		for i, e := range q.items {
			v, err := e.eval(states, around, fmt.Sprintf("%s[%d]", field, i))
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case 'e':
		return evaluate(q.text, states, around, field)
	}
	return clone(q.value), nil
}

// longest is the real time that one expression gets. AWS names no number; here nothing can stop the library, so a longer
// one is left behind.
const longest = 10 * time.Second

// evaluate runs one expression within its time.
func evaluate(text string, states map[string]any, around surroundings, field string) (any, error) {
	bound := map[string]any{"states": withNulls(states)}
	for name, value := range around.variables.all() {
		bound[name] = withNulls(value)
	}
	type answer struct {
		value any
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		value, err := run(text, bound)
		done <- answer{value, err}
	}()
	limit := time.NewTimer(longest)
	defer limit.Stop()
	select {
	case a := <-done:
		if errors.Is(a.err, jsonata.ErrUndefined) {
			return nil, Fail(ErrorQueryEvaluation, fmt.Sprintf("The JSONata expression '%s' specified for the field '%s' returned nothing (undefined).", text, field))
		}
		if a.err != nil {
			return nil, Fail(ErrorQueryEvaluation, fmt.Sprintf("The JSONata expression '%s' specified for the field '%s' threw an error during evaluation. %v", text, field, a.err))
		}
		return a.value, nil
	case <-limit.C:
		return nil, Fail(ErrorQueryEvaluation, fmt.Sprintf("The JSONata expression '%s' specified for the field '%s' takes more than %v.", text, field, longest))
	}
}

// run evaluates an expression. It is compiled each time, since variables are registered with it and it may run many
// times at once.
func run(text string, variables map[string]any) (out any, err error) {
	defer func() {
		if problem := recover(); problem != nil { // of the library; the expression may be anything
			out, err = nil, fmt.Errorf("%v", problem)
		}
	}()
	expression, err := jsonata.Compile(text)
	if err == nil {
		err = errors.Join(expression.RegisterVars(variables), expression.RegisterExts(extensions()))
	}
	if err != nil {
		return nil, err
	}
	result, err := expression.Eval(nil)
	if err != nil {
		return nil, err
	}
	if _, isFunction := result.(jtypes.Callable); isFunction {
		return nil, errors.New("the result is a function")
	}
	raw, err := json.Marshal(result)
	if err != nil {
		return nil, errors.New("the result is not JSON")
	}
	return Decode(raw)
}

// withNulls copies data with null in the library's form; to it, nil is nothing at all.
func withNulls(v any) any {
	switch v := v.(type) {
	case nil:
		return (*any)(nil)
	case map[string]any:
		c := make(map[string]any, len(v))
		for k, e := range v {
			c[k] = withNulls(e)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, e := range v {
			c[i] = withNulls(e)
		}
		return c
	}
	return v
}

// extensions are the functions that Step Functions adds to JSONata (Developer Guide, "JSONata functions provided by Step
// Functions"). $eval is taken away there, for $parse.
func extensions() map[string]jsonata.Extension {
	make2 := func(f any) jsonata.Extension {
		return jsonata.Extension{Func: f, UndefinedHandler: jtypes.ArgUndefined(0)}
	}
	return map[string]jsonata.Extension{
		"partition": make2(func(list []any, size float64) (any, error) { return arrayPartition([]any{list, int64(size)}) }),
		"range": make2(func(first, last, step float64) (any, error) {
			return arrayRange([]any{int64(first), int64(last), int64(step)})
		}),
		"hash":  make2(func(text, algorithm string) (any, error) { return hashOf([]any{text, algorithm}) }),
		"uuid":  {Func: func() (any, error) { return newUUID(nil) }},
		"parse": make2(func(text string) (any, error) { return Decode([]byte(text)) }),
		"random": {Func: func(seed jtypes.OptionalFloat64) (float64, error) {
			if seed.IsSet() {
				n, err := mathRandom([]any{int64(0), int64(1) << 30, int64(seed.Float64)})
				if err != nil {
					return 0, err
				}
				return float64(n.(int64)) / (1 << 30), nil //nolint:forcetypeassert // that is what it returns
			}
			n, err := rand.Int(rand.Reader, big.NewInt(1<<53))
			if err != nil {
				return 0, err
			}
			return float64(n.Int64()) / (1 << 53), nil
		}},
		"eval": {Func: func(string) (any, error) { return nil, errors.New("$eval is not supported, use $parse") }},
	}
}
