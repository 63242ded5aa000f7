package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf16"

	ntlmssp "github.com/Azure/go-ntlmssp"
)

// version is that of the package; the build says it.
var version = "unknown"

// packages are what the library answers to: to Negotiate with the messages of NTLM, without a wrapper (Negotiator).
var packages = []string{"ntlm", "negotiate"}

// tokenKind is the kind of a buffer that holds a token.
const tokenKind = 2

// credential is what the library takes with each call; it has no type for it.
type credential struct {
	user, domain, password string
	domainNeeded           bool
}

// context is what the adapter remembers of an exchange; the library has no notion of one.
type context struct {
	credential *credential
	waits      bool
}

// An entry that is nil was given out once and has been freed.
var (
	credentials map[uint64]*credential
	contexts    map[uint64]*context
	sendNames   bool
	host        environment
)

var operations map[string]func(*request) (object, error)

func init() {
	operations = map[string]func(*request) (object, error){
		"hello":           hello,
		"reset":           reset,
		"acquire":         acquire,
		"free-credential": freeCredential,
		"initialize":      initialize,
		"delete":          deleteContext,
		"bye":             func(*request) (object, error) { return object{}, nil },
	}
}

func hello(*request) (object, error) {
	drives := []object{}
	for _, name := range packages {
		drives = append(drives, object{
			"package":      name,
			"role":         "initiator",
			"operations":   []string{"acquire", "free-credential", "initialize", "delete"},
			"observables":  []string{"token", "status"},
			"requirements": 0,
			"honours":      []string{"character-set:oem", "policy:send-names:true", "target:absent"},
		})
	}
	return object{"hello": object{
		"protocol": 1, "name": "go-ntlmssp", "version": version, "drives": drives, "controls": []string{},
	}}, nil
}

func reset(asked *request) (object, error) {
	credentials, contexts = map[uint64]*credential{}, map[uint64]*context{}
	host = asked.Environment
	sendNames = asked.Environment.Policy["send-names"] == true
	for name := range asked.Environment.Policy {
		if name != "send-names" {
			return nil, unsupported("policy:" + name)
		}
	}
	for _, name := range asked.Environment.Faults {
		return nil, unsupported("fault:" + name)
	}
	return object{}, nil
}

// decode is a text as Go has it, in UTF-8, which cannot hold unpaired surrogates.
func decode(value *text, absent string) (string, error) {
	if value == nil {
		return "", unsupported(absent)
	}
	raw, err := hex.DecodeString(value.UTF16)
	if err != nil {
		return "", err
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(raw[2*i:])
	}
	decoded := string(utf16.Decode(units))
	if again := utf16.Encode([]rune(decoded)); fmt.Sprint(again) != fmt.Sprint(units) {
		return "", unsupported("text:unpaired-surrogate")
	}
	return decoded, nil
}

// acquire splits DOMAIN\user as the library does for its own HTTP transport.
func acquire(asked *request) (object, error) {
	if asked.Package != packages[0] && asked.Package != packages[1] {
		return nil, unsupported("package:" + asked.Package)
	}
	if asked.Role != "initiator" {
		return nil, unsupported("role:" + asked.Role)
	}
	if asked.Identity == nil {
		return nil, unsupported("identity:absent")
	}
	user, err := decode(asked.Identity.User, "identity:no-user")
	if err != nil {
		return nil, err
	}
	password, err := decode(asked.Identity.Password, "identity:no-password")
	if err != nil {
		return nil, err
	}
	if asked.Identity.Domain != nil {
		domain, err := decode(asked.Identity.Domain, "")
		if err != nil {
			return nil, err
		}
		if strings.Contains(domain, `\`) {
			return nil, unsupported("identity:separator")
		}
		// An empty domain is written as none: a name with @ stands for itself.
		if domain != "" {
			user = domain + `\` + user
		}
	}
	held := credential{password: password}
	held.user, held.domain, held.domainNeeded = ntlmssp.GetDomain(user)
	credentials[*asked.Credential] = &held
	return returned("complete"), nil
}

func returned(code string) object {
	return object{"status": object{"namespace": "return", "code": code}}
}

// find looks a handle up.
func find[T any](table map[uint64]*T, number *uint64) (*T, error) {
	if number == nil {
		return nil, unsupported("absent-handle")
	}
	held, known := table[*number]
	if !known {
		return nil, unsupported("foreign-handle")
	}
	if held == nil {
		return nil, unsupported("stale-handle")
	}
	return held, nil
}

func freeCredential(asked *request) (object, error) {
	if _, err := find(credentials, asked.Credential); err != nil {
		return nil, err
	}
	credentials[*asked.Credential] = nil
	return returned("complete"), nil
}

func deleteContext(asked *request) (object, error) {
	if _, err := find(contexts, asked.Context); err != nil {
		return nil, err
	}
	contexts[*asked.Context] = nil
	return returned("complete"), nil
}

// token is the bytes of the first token buffer; nil if there is none.
func token(input []buffer) ([]byte, error) {
	for _, candidate := range input {
		if candidate.Kind == tokenKind {
			return hex.DecodeString(candidate.Bytes)
		}
	}
	return nil, nil
}

func initialize(asked *request) (object, error) {
	held, err := find(credentials, asked.Credential)
	if err != nil {
		return nil, err
	}
	if asked.Bindings != nil {
		return nil, unsupported("bindings")
	}
	if asked.Reserved != [2]uint32{} {
		return nil, unsupported("reserved")
	}
	input, err := token(asked.Input)
	if err != nil {
		return nil, err
	}
	if asked.Context == nil {
		return negotiate(asked.NewContext, held, input)
	}
	exchange, err := find(contexts, asked.Context)
	if err != nil {
		return nil, err
	}
	if !exchange.waits {
		return nil, unsupported("leg after the last")
	}
	exchange.waits = false
	held = exchange.credential
	return leg("complete", func() ([]byte, error) {
		return ntlmssp.ProcessChallenge(input, held.user, held.password, held.domainNeeded)
	}), nil
}

// negotiate is the first leg; its function takes no token.
func negotiate(number uint64, held *credential, input []byte) (object, error) {
	if input != nil {
		return nil, unsupported("token for the first leg")
	}
	contexts[number] = &context{credential: held, waits: true}
	domain, workstation := held.domain, ""
	if sendNames {
		domain, workstation = host.Host.Domain, host.Host.Computer
	}
	return leg("continue", func() ([]byte, error) { return ntlmssp.NewNegotiateMessage(domain, workstation) }), nil
}

// leg makes a call of the library. What it returns or panics with is the outcome.
func leg(code string, call func() ([]byte, error)) (outcome object) {
	defer func() {
		if err := recover(); err != nil {
			outcome = raised(err)
		}
	}()
	made, err := call()
	if err != nil {
		return raised(err)
	}
	outcome = returned(code)
	outcome["buffers"] = []object{{"kind": tokenKind, "bytes": hex.EncodeToString(made)}}
	return outcome
}

// raised is the status of an error or a panic: its type, and its text.
func raised(err any) object {
	kind := strings.TrimPrefix(fmt.Sprintf("%T", err), "*")
	return object{"status": object{"namespace": "exception", "code": kind, "message": fmt.Sprint(err)}}
}
