package oidcop

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
)

const postScript = `document.forms[0].submit()`

var postScriptHash = func() string {
	sum := sha256.Sum256([]byte(postScript))
	return base64.StdEncoding.EncodeToString(sum[:])
}()

const head = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{or .Title "Identity provider"}}</title><style>
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:12vh auto;padding:0 1.25rem}
h1{font-size:1.4rem}ul{list-style:none;padding:0}li{margin:.6rem 0}
button{font:inherit;width:100%;padding:.75rem 1rem;border:1px solid;border-radius:.5rem;background:transparent;color:inherit;text-align:start;cursor:pointer}
button:hover{background:color-mix(in srgb,currentColor 8%,transparent)}
button:focus-visible{outline:3px solid Highlight;outline-offset:2px}
small{display:block;opacity:.75}.plain{border:0;text-align:center}
</style></head><body><main>`

const foot = `</main></body></html>`

var signInPage = template.Must(template.New("sign-in").Parse(head + `<h1>{{.Title}}</h1>
<p>{{.Client}} asks who you are. Choose somebody:</p>
<form method="post" action="{{.Action}}"><input type="hidden" name="request" value="{{.Request}}">
<ul>{{range .Users}}<li><button name="user" value="{{.Username}}"{{if eq $.Hint .Email}} autofocus{{end}}>{{or .Name .Username}} <small>{{.Email}}</small></button></li>{{end}}</ul>
<button class="plain" name="cancel" value="1">Cancel</button></form>` + foot))

var errorPage = template.Must(template.New("error").Parse(head + `<h1>{{.Text}}</h1>` + foot))

var postPage = template.Must(template.New("post").Parse(head + `<form method="post" action="{{.Action}}">{{range $k, $vs := .Values}}{{range $vs}}<input type="hidden" name="{{$k}}" value="{{.}}">{{end}}{{end}}
<p>Nearly there.</p><button>Continue</button></form><script>` + postScript + `</script>` + foot))
