package web

import "github.com/gin-gonic/gin"

// Ctx is a request under way, for the fronts' handlers that answer with pages. gin itself is named here and in routes.go
// files only.
type Ctx = gin.Context
