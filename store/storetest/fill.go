package storetest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"cloakroom/broker"
)

// epoch is what filled times count from.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)

// filler gives every exported field of a noun a value of its own, so that a field somebody adds and the store forgets
// makes the comparison fail.
type filler struct {
	t *testing.T
	n int
}

// fill fills what v points to.
func fill(t *testing.T, v any) {
	t.Helper()
	(&filler{t: t}).value(reflect.ValueOf(v).Elem(), "")
}

func (f *filler) value(v reflect.Value, name string) {
	f.n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(epoch.Add(time.Duration(f.n) * time.Minute)))
		return
	case broker.Duration:
		v.SetInt(int64(time.Duration(f.n) * time.Second))
		return
	case broker.Secret:
		v.SetString(fmt.Sprintf("plain-secret-%s-%d", name, f.n))
		return
	case json.RawMessage:
		v.SetBytes(fmt.Appendf(nil, `{"n":%d,"h":"<&>"}`, f.n))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("%s-%d-é<&>", name, f.n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(f.n))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.value(v.Elem(), name)
	case reflect.Slice:
		f.slice(v, name)
	case reflect.Map:
		f.entries(v, name)
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				f.value(v.Field(i), field.Name)
			}
		}
	default:
		f.t.Fatalf("storetest cannot fill %s of type %s", name, v.Type())
	}
}

func (f *filler) slice(v reflect.Value, name string) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		v.SetBytes(fmt.Appendf(nil, "%s-%d-\x00\xff", name, f.n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), 2, 2))
	for i := range 2 {
		f.value(v.Index(i), name)
	}
}

func (f *filler) entries(v reflect.Value, name string) {
	v.Set(reflect.MakeMap(v.Type()))
	for i := range 2 {
		one := reflect.New(v.Type().Elem()).Elem()
		f.value(one, name)
		v.SetMapIndex(reflect.ValueOf(fmt.Sprintf("%s%d", name, i)), one)
	}
}

// same compares what was stored with what came back.
func same(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("stored and reloaded differ:\n got %s\nwant %s", show(got), show(want))
	}
}

func show(v any) string { return fmt.Sprintf("%+v", reflect.Indirect(reflect.ValueOf(v)).Interface()) }
