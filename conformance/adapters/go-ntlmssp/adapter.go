// Speaks the Legwork adapter protocol for go-ntlmssp: NTLM, initiator.
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

// request has the fields of all operations that are answered.
type request struct {
	Seq         uint64      `json:"seq"`
	Op          string      `json:"op"`
	Environment environment `json:"environment"`
	Package     string      `json:"package"`
	Role        string      `json:"role"`
	Identity    *identity   `json:"identity"`
	Credential  *uint64     `json:"credential"`
	Context     *uint64     `json:"context"`
	NewContext  uint64      `json:"new-context"`
	Input       []buffer    `json:"input"`
	Bindings    *string     `json:"bindings"`
	Reserved    [2]uint32   `json:"reserved"`
}

type environment struct {
	Host struct {
		Computer string `json:"netbios-computer"`
		Domain   string `json:"netbios-domain"`
	} `json:"host"`
	Policy map[string]any `json:"policy"`
	Faults []string       `json:"faults"`
}

type identity struct {
	User     *text `json:"user"`
	Domain   *text `json:"domain"`
	Password *text `json:"password"`
}

type text struct {
	UTF16 string `json:"utf16"`
}

type buffer struct {
	Kind  uint32 `json:"kind"`
	Bytes string `json:"bytes"`
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
		line, _ = json.Marshal(reply)
		fmt.Fprintf(protocol, "%s\n", line)
		if asked.Op == "bye" {
			return
		}
	}
}
