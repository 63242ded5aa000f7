// A Legwork adapter that drives nothing yet. Fill it in by ADAPTERS.md, step by step.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

type object map[string]any

// unsupported: the library has no way to do what was asked.
type unsupported string

func (what unsupported) Error() string { return string(what) }

// request has the fields of all operations; add those that you need.
type request struct {
	Seq         uint64 `json:"seq"`
	Op          string `json:"op"`
	Environment struct {
		Policy map[string]any `json:"policy"`
		Faults []string       `json:"faults"`
	} `json:"environment"`
}

func hello(*request) (object, error) {
	return object{"hello": object{
		"protocol": 1, "name": "NAME", "version": "0", "drives": []object{}, "controls": []string{},
	}}, nil
}

func reset(asked *request) (object, error) {
	for name := range asked.Environment.Policy {
		return nil, unsupported("policy:" + name)
	}
	for _, name := range asked.Environment.Faults {
		return nil, unsupported("fault:" + name)
	}
	return object{}, nil
}

var operations = map[string]func(*request) (object, error){
	"hello": hello,
	"reset": reset,
	"bye":   func(*request) (object, error) { return object{}, nil },
}

func answer(asked *request) (reply object) {
	defer func() {
		if err := recover(); err != nil {
			reply = object{"fault": object{"message": fmt.Sprint(err)}}
		}
	}()
	operation, known := operations[asked.Op]
	if !known {
		return object{"unsupported": object{"what": asked.Op}}
	}
	outcome, err := operation(asked)
	if what, missing := err.(unsupported); missing {
		return object{"unsupported": object{"what": string(what)}}
	}
	if err != nil {
		return object{"fault": object{"message": err.Error()}}
	}
	return object{"outcome": outcome}
}

func main() {
	// What the library prints goes to standard error; the protocol has standard output for itself.
	protocol := os.Stdout
	os.Stdout = os.Stderr
	input := bufio.NewReader(os.Stdin)
	for {
		line, err := input.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		var asked request
		if err == nil {
			err = json.Unmarshal(line, &asked)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		reply := answer(&asked)
		reply["seq"] = asked.Seq
		text, _ := json.Marshal(reply)
		fmt.Fprintf(protocol, "%s\n", text)
		if asked.Op == "bye" {
			return
		}
	}
}
