"""A recording replayed as the provider's own API, for real clients and benchmark tools."""

from fastapi import APIRouter

router = APIRouter()
