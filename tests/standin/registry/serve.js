// node serve.js FOLDER PORT - serve what `make` beside this wrote, on 127.0.0.1. For hosts that
// have node, which npm needs anyway; `python3 -m http.server` in FOLDER does the same.
'use strict'

const fs = require('node:fs')
const path = require('node:path')
const http = require('node:http')

const [folder, port] = [path.resolve(process.argv[2]), Number(process.argv[3])]

http.createServer((request, response) => {
  let file = path.join(folder, decodeURIComponent(new URL(request.url, 'http://localhost').pathname))
  if (!file.startsWith(folder + path.sep)) file = ''
  fs.stat(file, (error, stat) => {
    if (!error && stat.isDirectory()) file = path.join(file, 'index.html')
    fs.readFile(file, (failure, data) => {
      response.writeHead(failure ? 404 : 200, { 'content-type': 'application/json' })
      response.end(failure ? '{"error":"not_found"}' : data)
    })
  })
}).listen(port, '127.0.0.1')
